/// One row of a result.
public struct PostgresRow {
    let result: ResultHandle
    let row: Int

    /// The names of the columns, in order.
    public var columns: [String] { result.columns }

    /// Decodes a column by its name; of several columns with this name, the first one.
    ///
    /// - Throws: ``PostgresError`` with code `decoding` that names the column and both types.
    public func decode<T: PostgresDecodable>(_ column: String, as type: T.Type = T.self) throws -> T {
        guard let index = result.indexes[column] else {
            throw PostgresError(
                .decoding, "there is no column \"\(column)\"; the columns are \(columns.joined(separator: ", "))")
        }
        return try decode(index, as: type)
    }

    /// Decodes a column by its position, from 0.
    ///
    /// - Throws: ``PostgresError`` with code `decoding` that names the column and both types.
    public func decode<T: PostgresDecodable>(_ index: Int, as type: T.Type = T.self) throws -> T {
        guard index >= 0, index < result.columnCount else {
            throw PostgresError(.decoding, "there is no column \(index); the row has \(result.columnCount)")
        }
        do {
            // The text lives as long as `result`, which `self` holds.
            guard let text = result.text(row: row, column: index) else { return try T.decodeNull() }
            return try T.decode(PostgresCell(bytes: text))
        } catch {
            throw failure(error, column: index, type: type)
        }
    }

    private func failure(_ error: any Error, column: Int, type: Any.Type) -> PostgresError {
        let reason = (error as? PostgresError)?.message ?? "\(error)"
        return PostgresError(
            .decoding,
            "column \"\(columns[column])\" of type \(result.typeName(of: column)) cannot be read as \(type): \(reason)")
    }
}
