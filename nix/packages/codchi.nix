# The command line.
{
  rustPlatform,
  installShellFiles,
  pkg-config,
  dbus,
  source,
  version,
}:
rustPlatform.buildRustPackage {
  pname = "codchi";
  inherit version;
  src = source;
  cargoLock.lockFile = source + "/Cargo.lock";

  cargoBuildFlags = [ "--package=codchi-cli" ];
  # The tests of the workspace need container engines; `cargo xtask test` runs them.
  doCheck = false;

  nativeBuildInputs = [
    installShellFiles
    pkg-config
  ];
  buildInputs = [ dbus ];

  postInstall = ''
    for shell in bash fish zsh; do
      $out/bin/codchi completion $shell >codchi.$shell
    done
    installShellCompletion codchi.{bash,fish,zsh}
  '';

  meta.mainProgram = "codchi";
}
