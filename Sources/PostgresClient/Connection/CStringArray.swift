/// Strings as C wants an array of them: pointers to NUL-terminated texts, the last one null.
struct CStringArray {
    private var arena: [CChar] = []
    private var offsets: [Int] = []

    init(_ strings: [String]) {
        for string in strings {
            offsets.append(arena.count)
            arena.append(contentsOf: string.utf8CString)
        }
    }

    func withPointers<R>(_ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R) -> R {
        arena.withUnsafeBufferPointer { arena in
            let pointers = offsets.map { offset in arena.baseAddress.map { $0 + offset } } + [nil]
            return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
        }
    }
}
