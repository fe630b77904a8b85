# Packages.
lib:
let
  inherit (builtins) intersectAttrs isString parseDrvName;
in
rec {
  isDerivation = x: x.type or null == "derivation";

  # A store path that is known as a string only.
  toDerivation = path: {
    type = "derivation";
    name = baseNameOf path;
    outPath = path;
  };

  getOutput =
    output: package:
    if !(package ? outputSpecified && package.outputSpecified) then
      package.${output} or package.out or package
    else
      package;
  getBin = getOutput "bin";
  getLib = getOutput "lib";
  getName = x: (parseDrvName (if isString x then x else x.pname or x.name)).name;
  getVersion = x: (parseDrvName (if isString x then x else x.name)).version;
  getExe' = package: name: "${getBin package}/bin/${name}";
  getExe = package: getExe' package (package.meta.mainProgram or (getName package));

  makeOverridable =
    f: args:
    f args
    // {
      override = new: makeOverridable f (args // lib.toFunction new args);
    };
  callPackageWith =
    auto: package: args:
    let
      f = if lib.isFunction package then package else import package;
    in
    makeOverridable f (intersectAttrs (lib.functionArgs f) auto // args);
}
