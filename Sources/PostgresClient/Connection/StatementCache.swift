/// Which statements a connection has prepared, by their text; the least recently used one makes room.
struct StatementCache {
    let capacity: Int
    private var entries: [Key: Entry] = [:]
    private var lastUse = 0
    private var lastName = 0

    /// Hashed by its length and its beginning: hashing all of a statement at each use was 1.7 % of a busy worker's time.
    private struct Key: Hashable {
        var sql: String

        func hash(into hasher: inout Hasher) {
            hasher.combine(sql.utf8.count)
            for byte in sql.utf8.prefix(40) { hasher.combine(byte) }
        }
    }

    private struct Entry {
        var name: String
        var lastUse: Int
    }

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { entries.count }

    /// The name of a prepared statement, which counts as a use.
    mutating func name(for sql: String) -> String? {
        lastUse += 1
        guard let index = entries.index(forKey: Key(sql: sql)) else { return nil }
        entries.values[index].lastUse = lastUse
        return entries.values[index].name
    }

    /// A name that was never used on this connection.
    mutating func makeName() -> String {
        lastName += 1
        return "s\(lastName)"
    }

    /// Remembers a statement, and returns the name of the one to deallocate for it, if any.
    ///
    /// Linear in the capacity, which is small beside the round trip that preparing takes.
    mutating func insert(_ sql: String, name: String) -> String? {
        var evicted: String?
        if entries.count >= capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
            evicted = entries.removeValue(forKey: oldest)?.name
        }
        lastUse += 1
        entries[Key(sql: sql)] = Entry(name: name, lastUse: lastUse)
        return evicted
    }

    /// Forgets a statement and returns its name.
    @discardableResult
    mutating func remove(_ sql: String) -> String? {
        entries.removeValue(forKey: Key(sql: sql))?.name
    }

    mutating func removeAll() {
        entries.removeAll()
    }
}
