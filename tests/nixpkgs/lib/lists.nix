# Lists.
lib:
let
  inherit (builtins)
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isList
    length
    sort
    ;
  inherit (lib) min;
in
rec {
  singleton = x: [ x ];
  toList = x: if isList x then x else [ x ];
  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: list: if condition then list else [ ];

  foldl = foldl';
  foldr =
    op: nul: list:
    let
      count = length list;
      go = i: if i == count then nul else op (elemAt list i) (go (i + 1));
    in
    go 0;

  imap0 = f: list: genList (i: f i (elemAt list i)) (length list);
  imap1 = f: imap0 (i: f (i + 1));
  forEach = list: f: map f list;
  count = predicate: list: length (filter predicate list);
  range = first: last: if first > last then [ ] else genList (i: first + i) (last - first + 1);

  last = list: elemAt list (length list - 1);
  init = list: genList (elemAt list) (length list - 1);
  sublist =
    start: count: list:
    let
      available = length list - start;
    in
    genList (i: elemAt list (start + i)) (if available <= 0 then 0 else min count available);
  take = sublist 0;
  drop = n: list: sublist n (length list) list;
  reverseList =
    list:
    let
      count = length list;
    in
    genList (i: elemAt list (count - i - 1)) count;

  flatten = x: if isList x then concatMap flatten x else [ x ];
  remove = x: filter (y: y != x);
  subtractLists = unwanted: filter (x: !elem x unwanted);
  intersectLists = wanted: filter (x: elem x wanted);
  unique = foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];
  allUnique = list: length (unique list) == length list;
  findFirst =
    predicate: default: list:
    let
      found = filter predicate list;
    in
    if found == [ ] then default else head found;

  zipListsWith =
    f: a: b:
    genList (i: f (elemAt a i) (elemAt b i)) (min (length a) (length b));
  sortOn =
    key: list:
    map (pair: pair.value) (
      sort (a: b: a.key < b.key) (
        map (value: {
          key = key value;
          inherit value;
        }) list
      )
    );
}
