/// The parameters of one statement as NUL-terminated texts, one behind the other in a single block of memory.
struct ParameterArena {
    private var buffer = PostgresBuffer()
    /// Where each parameter begins; `nil` stands for NULL.
    private var offsets: [Int?] = []

    /// The protocol counts parameters in 16 bits.
    static let maximumCount = 65_535

    var count: Int { offsets.count }

    /// Replaces the contents, keeping the memory.
    ///
    /// - Throws: `PostgresError` with code `encoding` that names the parameter.
    mutating func fill(_ parameters: [any PostgresEncodable]) throws {
        guard parameters.count <= Self.maximumCount else {
            throw PostgresError(
                .encoding, "\(parameters.count) parameters are more than the \(Self.maximumCount) a statement can have",
                hint: "pass arrays and use unnest")
        }
        // A single huge statement must not make the connection hold on to its memory for ever.
        buffer.bytes.removeAll(keepingCapacity: buffer.bytes.capacity < 1 << 20)
        offsets.removeAll(keepingCapacity: true)
        for parameter in parameters { try append(parameter) }
    }

    private mutating func append(_ parameter: any PostgresEncodable) throws {
        guard !parameter.isNull else {
            offsets.append(nil)
            return
        }
        let start = buffer.bytes.count
        do {
            try parameter.encode(into: &buffer)
        } catch {
            let reason = (error as? PostgresError)?.message ?? "\(error)"
            throw PostgresError(.encoding, "parameter $\(offsets.count + 1) of type \(type(of: parameter)): \(reason)")
        }
        // libpq would silently end the text here.
        guard !buffer.bytes[start...].contains(0) else {
            throw PostgresError(
                .encoding, "parameter $\(offsets.count + 1) contains a NUL character, which PostgreSQL cannot store",
                hint: "store binary data as bytea, from Data or [UInt8]")
        }
        buffer.append(0)
        offsets.append(start)
    }

    /// Calls `body` with pointers to the texts, or `nil` when there are no parameters.
    func withPointers<R>(_ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> R) -> R {
        guard !offsets.isEmpty else { return body(nil) }
        return buffer.bytes.withUnsafeBytes { arena in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: offsets.count) { pointers in
                for (index, offset) in offsets.enumerated() {
                    let pointer = offset.map { (arena.baseAddress! + $0).assumingMemoryBound(to: CChar.self) }
                    pointers.initializeElement(at: index, to: pointer)
                }
                defer { pointers.deinitialize() }
                return body(UnsafePointer(pointers.baseAddress))
            }
        }
    }
}
