import Nightjar

extension BenchArena {
    /// Prints the figures, and the machine that they were measured on.
    func report(_ figures: [(name: String, value: JSON)], _ options: BenchOptions) throws {
        try report(figures.map { BenchFigure($0.name, $0.value) }, options)
    }

    /// Prints the figures with what they are compared with, and the machine that they were measured on.
    func report(_ figures: [BenchFigure], _ options: BenchOptions) throws {
        let facts = machine.facts + [("load_at_end", BenchMachine.load)]
        if BenchMachine.isDebugBuild {
            Output.note("warning: a debug build was measured; build with 'swift build -c release' for figures")
        }
        if options.json {
            try Output.json(
                .object([
                    "machine": .object(Dictionary(uniqueKeysWithValues: facts)),
                    "figures": .object(Dictionary(uniqueKeysWithValues: figures.flatMap(\.members))),
                ]))
            return
        }
        var table = Table(
            Table.Column("figure"), Table.Column("value", .right), Table.Column("reference", .right),
            Table.Column("share", .right), Table.Column("target", .right))
        for figure in figures {
            table.rows.append([
                "\(figure.name)", "\(figure.value.plain)", "\(figure.reference.map { "\(rounded($0))" } ?? "")",
                "\(figure.share.map { "\($0)" } ?? "")", "\(figure.target.map { "\(rounded($0))" } ?? "")",
            ])
        }
        for (name, value) in facts { table.rows.append(["(\(name))", "\(value.plain)", "", "", ""]) }
        Output.lines(table.lines(style: Output.style))
    }
}

extension JSON {
    fileprivate var plain: String {
        switch self {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .bool(let truth): "\(truth)"
        case .null, .array, .object: ""
        }
    }
}
