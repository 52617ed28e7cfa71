/// A statement of a batch: text, parameters and how to read its rows.
public struct PostgresStatement<Result: Sendable>: Sendable {
    /// One SQL statement, with `$1`, `$2` … for parameters.
    public var sql: String
    /// The values of the parameters.
    public var parameters: [any PostgresEncodable]
    /// Turns the rows into the result; called after the statement has succeeded.
    public var decode: @Sendable (PostgresRows) throws -> Result

    /// Makes a statement.
    public init(
        _ sql: String, _ parameters: [any PostgresEncodable] = [],
        decode: @escaping @Sendable (PostgresRows) throws -> Result
    ) {
        self.sql = sql
        self.parameters = parameters
        self.decode = decode
    }
}

extension PostgresStatement where Result == Int {
    /// Makes a statement whose result is the number of rows affected.
    public init(_ sql: String, _ parameters: [any PostgresEncodable] = []) {
        self.init(sql, parameters) { $0.affected }
    }
}
