/// What a statement gave back; tied to the connection's closure, so decode what you need there.
public struct PostgresRows: Sequence {
    let result: ResultHandle

    /// The number of rows.
    public var count: Int { result.rowCount }

    /// Whether there are no rows.
    public var isEmpty: Bool { count == 0 }

    /// The first row, if any.
    public var first: PostgresRow? { isEmpty ? nil : self[0] }

    /// How many rows the statement selected, inserted, updated or deleted; zero for other statements.
    public var affected: Int { result.affected }

    /// The names of the columns, in order.
    public var columns: [String] { result.columns }

    /// The names of the columns' types, as SQL has them.
    package var typeNames: [String] { columns.indices.map { result.typeName(of: $0) } }

    /// The row at a position from 0.
    public subscript(index: Int) -> PostgresRow {
        precondition((0..<count).contains(index), "row \(index) of \(count) rows does not exist")
        return PostgresRow(result: result, row: index)
    }

    /// Goes through the rows in order.
    public func makeIterator() -> Iterator {
        Iterator(result: result, count: count)
    }

    /// Goes through rows in order.
    public struct Iterator: IteratorProtocol {
        let result: ResultHandle
        let count: Int
        private var row = 0

        init(result: ResultHandle, count: Int) {
            self.result = result
            self.count = count
        }

        /// The next row, or `nil` after the last one.
        public mutating func next() -> PostgresRow? {
            guard row < count else { return nil }
            defer { row += 1 }
            return PostgresRow(result: result, row: row)
        }
    }
}
