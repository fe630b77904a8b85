# The init of the controller and of machines. To be called from pkgsStatic.
{
  rustPlatform,
  source,
  version,
}:
rustPlatform.buildRustPackage {
  pname = "ctrl-serve";
  inherit version;
  src = source;
  cargoLock.lockFile = source + "/Cargo.lock";

  cargoBuildFlags = [ "--package=codchi-ctrl-serve" ];
  doCheck = false;

  meta.mainProgram = "ctrl-serve";
}
