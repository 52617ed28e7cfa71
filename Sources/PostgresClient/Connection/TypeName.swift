/// Names of the common types, for error messages.
enum TypeName {
    static func of(_ oid: UInt32) -> String {
        if let name = names[oid] { return name }
        if let element = elements[oid], let name = names[element] { return name + "[]" }
        return "type \(oid)"
    }

    private static let names: [UInt32: String] = [
        16: "boolean", 17: "bytea", 18: "\"char\"", 19: "name", 20: "bigint", 21: "smallint", 23: "integer",
        25: "text", 26: "oid", 114: "json", 700: "real", 701: "double precision", 1042: "character",
        1043: "character varying", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz",
        1186: "interval", 1700: "numeric", 2278: "void", 2950: "uuid", 3802: "jsonb",
    ]

    /// Array types by their element types.
    private static let elements: [UInt32: UInt32] = [
        1000: 16, 1001: 17, 1003: 19, 1016: 20, 1005: 21, 1007: 23, 1009: 25, 199: 114, 1021: 700, 1022: 701,
        1014: 1042, 1015: 1043, 1182: 1082, 1115: 1114, 1185: 1184, 1187: 1186, 1231: 1700, 2951: 2950, 3807: 3802,
    ]
}
