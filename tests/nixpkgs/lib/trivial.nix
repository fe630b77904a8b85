# Functions, booleans, errors and warnings.
lib:
let
  inherit (builtins) foldl' fromJSON readFile;
in
rec {
  id = x: x;
  const = x: _: x;
  flip =
    f: a: b:
    f b a;
  pipe = foldl' (value: f: f value);

  fix =
    f:
    let
      x = f x;
    in
    x;

  # A function, or an attribute set that can be called.
  isFunction = f: builtins.isFunction f || (f ? __functor && isFunction (f.__functor f));
  functionArgs =
    f: if f ? __functor then f.__functionArgs or (functionArgs (f.__functor f)) else builtins.functionArgs f;
  setFunctionArgs = f: args: {
    __functor = _: f;
    __functionArgs = args;
  };
  toFunction = value: if isFunction value then value else _: value;

  min = a: b: if a < b then a else b;
  max = a: b: if a > b then a else b;
  mod = a: b: a - b * (a / b);

  boolToString = b: if b then "true" else "false";

  throwIf =
    condition: message: value:
    if condition then throw message else value;
  throwIfNot = condition: throwIf (!condition);
  assertMsg = condition: message: condition || throw message;

  warn = message: builtins.trace "evaluation warning: ${message}";
  warnIf = condition: message: if condition then warn message else id;
  showWarnings = warnings: value: foldl' (result: warning: warn warning result) value warnings;

  importJSON = path: fromJSON (readFile path);
  importTOML = path: fromTOML (readFile path);
}
