internal import Nightjar

/// The members of an object that an SDK wrote. SDKs differ in how they write keys (`Singleton`, `appname`, `deploy_type`):
/// neither case nor underscores count. Null is as good as nothing.
struct ConfigFields {
    /// Where the object is, such as `cancel[1]`; empty for the outermost one.
    let path: String
    private let members: [String: JSON]

    init(_ json: JSON, at path: String) throws(SyncProblem) {
        guard let members = json.object else { throw SyncProblem(path, "must be an object") }
        self.path = path
        self.members = Dictionary(
            members.sorted { $0.key < $1.key }.filter { $0.value != .null }.map { (Self.folded($0.key), $0.value) }
        ) { first, _ in first }
    }

    subscript(_ name: String) -> JSON? { members[Self.folded(name)] }

    /// The place of a member.
    func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// A text; nil when there is none or it is empty.
    func text(_ name: String) throws(SyncProblem) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.string else { throw SyncProblem(place(name), "must be a text") }
        guard !text.unicodeScalars.contains("\0") else {
            throw SyncProblem(place(name), "must not contain a NUL character")
        }
        return text.isEmpty ? nil : text
    }

    /// A text that there has to be.
    func requiredText(_ name: String) throws(SyncProblem) -> String {
        guard let text = try text(name) else { throw SyncProblem(place(name), "is missing") }
        return text
    }

    /// A whole number within bounds; nil when there is none.
    func integer(_ name: String, in range: ClosedRange<Int64>, code: SyncProblem.Code = .configInvalid)
        throws(SyncProblem)
        -> Int64?
    {
        guard let value = self[name] else { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw SyncProblem(
                place(name),
                range.upperBound == .max
                    ? "must be a whole number of \(range.lowerBound) or more"
                    : "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A time span within bounds; nil when there is none. A number is milliseconds.
    func duration(
        _ name: String, in range: ClosedRange<Duration>, _ words: String, code: SyncProblem.Code = .configInvalid
    )
        throws(SyncProblem) -> Duration?
    {
        guard let value = self[name], value != "" else { return nil }
        guard
            let duration = value.string.flatMap({ DurationText.parse($0) }) ?? value.integer.map({ .milliseconds($0) })
        else { throw SyncProblem(code, place(name), "must be a time span such as \"1d12h\", \"30s\" or \"500ms\"") }
        guard range.contains(duration) else { throw SyncProblem(code, place(name), "must be \(words)") }
        return duration
    }

    /// An object; nil when there is none.
    func fields(_ name: String) throws(SyncProblem) -> ConfigFields? {
        guard let value = self[name] else { return nil }
        return try ConfigFields(value, at: place(name))
    }

    /// The elements of a list, or the one value in place of a list; empty when there is none.
    func list(_ name: String) -> [JSON] { self[name].map { $0.array ?? [$0] } ?? [] }

    private static func folded(_ name: String) -> String { name.lowercased().filter { $0 != "_" } }
}
