/// The paths at which a type asked for a value, in order.
final class ProbeLeaves {
    private(set) var order: [[String]] = []
    private var known: Set<[String]> = []

    func note(_ path: [String]) {
        if known.insert(path).inserted { order.append(path) }
    }

    func contains(_ path: [String]) -> Bool { known.contains(path) }
}
