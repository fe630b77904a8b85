# Texts of configuration files.
lib:
let
  inherit (lib)
    concatLists
    concatMapStrings
    concatStringsSep
    escape
    mapAttrsToList
    toList
    ;
in
rec {
  mkValueStringDefault =
    _: value:
    if value == true then
      "true"
    else if value == false then
      "false"
    else if value == null then
      "null"
    else
      toString value;

  mkKeyValueDefault =
    {
      mkValueString ? mkValueStringDefault { },
    }:
    separator: key: value:
    "${escape [ separator ] key}${separator}${mkValueString value}";

  toKeyValue =
    {
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
      indent ? "",
    }:
    set:
    concatMapStrings (line: "${indent}${line}\n") (
      concatLists (
        mapAttrsToList (
          key: value: map (mkKeyValue key) (if listsAsDuplicateKeys then toList value else [ value ])
        ) set
      )
    );

  toINI =
    {
      mkSectionName ? escape [
        "["
        "]"
      ],
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
    }:
    sections:
    concatStringsSep "\n" (
      mapAttrsToList (
        name: section: "[${mkSectionName name}]\n${toKeyValue { inherit listsAsDuplicateKeys mkKeyValue; } section}"
      ) sections
    );

  toJSON = _: builtins.toJSON;
}
