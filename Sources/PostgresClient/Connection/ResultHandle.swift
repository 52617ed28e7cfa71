import CLibPQ

/// Owns a result of libpq and the memory of the values in it.
final class ResultHandle {
    let pointer: OpaquePointer
    lazy var columns: [String] = (0..<PQnfields(pointer)).map { String(cString: PQfname(pointer, $0)) }
    /// The first of several columns of the same name wins.
    lazy var indexes: [String: Int] = .init(zip(columns, columns.indices)) { first, _ in first }

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        PQclear(pointer)
    }

    var rowCount: Int { Int(PQntuples(pointer)) }

    var columnCount: Int { Int(PQnfields(pointer)) }

    /// The number in the command tag; zero for commands that count nothing.
    var affected: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    func typeName(of column: Int) -> String {
        TypeName.of(PQftype(pointer, Int32(column)))
    }

    /// The text of a value, or `nil` for NULL; valid as long as this object lives.
    func text(row: Int, column: Int) -> UnsafeBufferPointer<UInt8>? {
        guard PQgetisnull(pointer, Int32(row), Int32(column)) == 0 else { return nil }
        let start = UnsafeRawPointer(PQgetvalue(pointer, Int32(row), Int32(column))!)
        let count = Int(PQgetlength(pointer, Int32(row), Int32(column)))
        return UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
    }
}
