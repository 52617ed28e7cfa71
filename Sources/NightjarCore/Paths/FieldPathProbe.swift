/// Finds the JSON path of a key path.
///
/// The type is decoded from nothing: a decoder answers every question with a made-up value and notes at which path it
/// was asked. Then it is decoded once more per path, with only that answer changed; the path whose answer changes what
/// the key path reads is the one. So coding keys, nesting and custom `init(from:)` are all respected.
enum FieldPathProbe {
    /// Says why no path was found, and what to write instead.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func path<Root: Decodable, Value: Equatable>(
        of keyPath: KeyPath<Root, Value>
    ) throws(FieldPathProbe.Failure) -> FieldPath {
        let (base, leaves) = try decode(Root.self, flipping: nil)
        var found: [[String]] = []
        for leaf in leaves.order {
            // A changed answer that the type does not accept proves nothing about the key path.
            guard let other = try? decode(Root.self, flipping: leaf).value else { continue }
            if other[keyPath: keyPath] != base[keyPath: keyPath] { found.append(leaf) }
        }
        if found.count == 1 { return FieldPath(elements: ["data"] + found[0]) }
        let reason =
            found.isEmpty
            ? "no single field of \(Root.self)'s JSON decides the value of that key path"
            : "the value of that key path of \(Root.self) depends on several fields: "
                + found.map { FieldPath(elements: ["data"] + $0).text }.joined(separator: ", ")
        throw Failure(description: "\(reason); write the path, as in match: \"data.postID\"")
    }

    /// Checks that a type has a field at a path.
    static func require<Root: Decodable>(
        _ path: FieldPath, in type: Root.Type
    ) throws(FieldPathProbe.Failure) {
        let leaves = try decode(type, flipping: nil).leaves
        if leaves.contains(Array(path.elements.dropFirst())) { return }
        throw Failure(
            description: "\(type) has no field \(path.text); name the field that corresponds to it, "
                + "as in match: \\.postID, with: \\.id")
    }

    private static func decode<Root: Decodable>(
        _ type: Root.Type, flipping flipped: [String]?
    ) throws(FieldPathProbe.Failure) -> (value: Root, leaves: ProbeLeaves) {
        let leaves = ProbeLeaves()
        do {
            return (try Root(from: ProbeDecoder(leaves: leaves, path: [], flipped: flipped)), leaves)
        } catch {
            throw Failure(
                description: "\(type) cannot be decoded from made-up values (\(CodingFailure.text(error))), so the "
                    + "JSON path of a key path cannot be found; write the path, as in match: \"data.postID\"")
        }
    }
}
