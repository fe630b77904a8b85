{
  codchi.initScript = ''
    cp -r --no-preserve=mode,ownership ${./template} "$PROJECT"
    cd "$PROJECT"
    git init --quiet --initial-branch=main
    git add .
    git -c user.name=codchi -c user.email=codchi@localhost commit --quiet --message='Import the template'
  '';
}
