# Strings.
lib:
let
  inherit (builtins)
    concatStringsSep
    filter
    fromJSON
    genList
    head
    isPath
    isString
    match
    replaceStrings
    split
    stringLength
    substring
    toJSON
    ;
  inherit (lib) imap1 last mapAttrsToList;
in
rec {
  concatStrings = concatStringsSep "";
  concatMapStrings = f: list: concatStrings (map f list);
  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  concatImapStringsSep =
    separator: f: list:
    concatStringsSep separator (imap1 f list);
  concatLines = concatMapStrings (line: line + "\n");
  optionalString = condition: string: if condition then string else "";

  stringToCharacters = string: genList (i: substring i 1 string) (stringLength string);
  splitString =
    separator: string:
    map builtins.unsafeDiscardStringContext (
      filter isString (split (escapeRegex (toString separator)) (toString string))
    );

  hasPrefix = prefix: string: substring 0 (stringLength prefix) string == prefix;
  hasSuffix =
    suffix: string:
    let
      start = stringLength string - stringLength suffix;
    in
    start >= 0 && substring start (stringLength suffix) string == suffix;
  hasInfix = infix: string: match ".*${escapeRegex infix}.*" "${string}" != null;
  removePrefix =
    prefix: string:
    if hasPrefix prefix string then substring (stringLength prefix) (stringLength string) string else string;
  removeSuffix =
    suffix: string:
    if hasSuffix suffix string then
      substring 0 (stringLength string - stringLength suffix) string
    else
      string;
  trim = string: head (match "[ \t\r\n]*((.*[^ \t\r\n])?)[ \t\r\n]*" string);
  fileContents = file: removeSuffix "\n" (builtins.readFile file);

  escape = characters: replaceStrings characters (map (c: "\\${c}") characters);
  escapeRegex = escape (stringToCharacters "\\[{()^$?*+|.");
  escapeShellArg =
    value:
    let
      string = toString value;
    in
    if match "[[:alnum:],._+:@%/-]+" string == null then
      "'${replaceStrings [ "'" ] [ "'\\''" ] string}'"
    else
      string;
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  escapeNixString = string: escape [ "$" ] (toJSON string);

  lowerChars = stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  upperChars = stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  toLower = replaceStrings upperChars lowerChars;
  toUpper = replaceStrings lowerChars upperChars;

  toInt =
    string:
    let
      digits = match "[ \t]*(-?[0-9]+)[ \t]*" string;
    in
    if digits == null then throw "toInt: Could not convert ${toJSON string} to int." else fromJSON (head digits);

  nameFromURL = url: separator: head (splitString separator (last (splitString "/" url)));
  versionAtLeast = a: b: builtins.compareVersions a b >= 0;
  versionOlder = a: b: builtins.compareVersions a b < 0;

  isStringLike = x: isString x || isPath x || x ? outPath || x ? __toString;
  isStorePath = x: isStringLike x && dirOf (toString x) == builtins.storeDir;

  makeSearchPath = dir: packages: concatMapStringsSep ":" (p: "${p}/${dir}") (filter (p: p != null) packages);
  makeBinPath = packages: makeSearchPath "bin" (map lib.getBin packages);
  makeLibraryPath = packages: makeSearchPath "lib" (map lib.getLib packages);

  isValidPosixName = name: match "[a-zA-Z_][a-zA-Z0-9_]*" name != null;
  toShellVar = name: value: "${name}=${escapeShellArg value}";
  toShellVars = vars: concatStringsSep "\n" (mapAttrsToList toShellVar vars);
}
