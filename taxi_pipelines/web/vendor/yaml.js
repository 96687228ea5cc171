// Of the YAML library: documents that know where in the text everything stands.
export { parseDocument, stringify, isMap, isSeq, isScalar, isAlias } from "yaml";
