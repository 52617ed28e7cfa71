/// Splits an expression into alternatives that the match index can look up.
struct MatchSplitter {
    /// Each alternative is a row per waiting run, and a key per event.
    static let mostBranches = 16

    /// What its author should know about the branches made so far.
    private(set) var warnings: [String] = []
    /// Where something stands that is never true, if something does.
    private(set) var refuted: Int?

    /// Returns the alternatives of an expression, none if it can never be true.
    mutating func branches(of root: SyntaxNode) -> [MatchBranch] {
        var alternatives = Self.alternatives(of: root)
        if alternatives.count > Self.mostBranches { alternatives = [root] }
        var drafts: [Draft] = []
        for (index, alternative) in alternatives.enumerated() {
            let later = alternatives.count - index - 1
            drafts += self.drafts(of: alternative.conjuncts, most: Self.mostBranches - drafts.count - later)
        }
        if drafts.contains(where: { !$0.rest.isEmpty && !$0.parts.contains(where: \.relatesRun) }) {
            warnings.append(
                "no equality of a field of async with a field of event is required, so every waiting run of the "
                    + "function is looked at for each such event; add one, such as async.data.id == event.data.id")
        }
        return drafts.map(\.branch).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private struct Draft {
        var parts: [MatchPart] = []
        var guards: [SyntaxNode] = []
        var rest: [SyntaxNode] = []

        var branch: MatchBranch {
            MatchBranch(parts: parts, guardExpression: Self.stored(guards), condition: Self.stored(rest))
        }

        // Several lists on one side would make a key of each combination of their elements.
        func hasRoom(for part: MatchPart) -> Bool {
            !parts.contains { $0.event.isEach && part.event.isEach || $0.trigger.isEach && part.trigger.isEach }
        }

        private static func stored(_ conjuncts: [SyntaxNode]) -> JSON? {
            conjuncts.count > 1 ? .array(["&&"] + conjuncts.map(\.stored)) : conjuncts.first?.stored
        }
    }

    private mutating func drafts(of conjuncts: [SyntaxNode], most: Int) -> [Draft] {
        guard let draft = draft(of: conjuncts) else { return [] }
        guard draft.parts.isEmpty else { return [draft] }
        for index in draft.rest.indices {
            guard let alternatives = keyed(draft.rest[index], most: most) else { continue }
            var others = draft
            others.rest.remove(at: index)
            return alternatives.map {
                Draft(parts: $0.parts, guards: others.guards + $0.guards, rest: others.rest + $0.rest)
            }
        }
        return [draft]
    }

    /// Returns the alternatives of a conjunct if there are any and each of them has a key.
    private mutating func keyed(_ conjunct: SyntaxNode, most: Int) -> [Draft]? {
        let alternatives = Self.alternatives(of: conjunct)
        guard alternatives != [conjunct], alternatives.count <= most else { return nil }
        var drafts: [Draft] = []
        for (index, alternative) in alternatives.enumerated() {
            let later = alternatives.count - index - 1
            drafts += self.drafts(of: alternative.conjuncts, most: most - drafts.count - later)
        }
        return drafts.allSatisfy { !$0.parts.isEmpty } ? drafts : nil
    }

    /// Sorts what has to be true by what can be done with it; nil when it cannot be true.
    private mutating func draft(of conjuncts: [SyntaxNode]) -> Draft? {
        var draft = Draft()
        for conjunct in conjuncts {
            let truth = conjunct.truth
            guard truth.contains(.isTrue) else {
                refuted = refuted ?? conjunct.position
                return nil
            }
            if truth == .isTrue { continue }
            if !conjunct.mentions(.async) {
                draft.guards.append(conjunct)
            } else if let part = MatchPart(conjunct), draft.hasRoom(for: part) {
                draft.parts.append(part)
            } else {
                draft.rest.append(conjunct)
            }
        }
        return draft
    }

    private static func alternatives(of node: SyntaxNode) -> [SyntaxNode] {
        switch node.content {
        case .or(let operands): return operands
        case .binary(.isIn, let element, let list):
            guard case .path(.async, _) = element.content, let values = list.constant?.array else { return [node] }
            return values.map {
                let value = SyntaxNode(.literal($0), position: list.position)
                return SyntaxNode(.binary(.equal, element, value), position: node.position)
            }
        default: return [node]
        }
    }
}

extension SyntaxNode {
    fileprivate var conjuncts: [SyntaxNode] {
        if case .and(let operands) = content { operands } else { [self] }
    }
}
