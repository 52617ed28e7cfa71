import Foundation

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// What pytest reports of its cases, in the format of JUnit.
struct JUnitReport: Sendable {
    struct Case: Sendable {
        /// The file's name without its ending.
        var file: String
        var name: String
        /// Why it failed; nil when it passed.
        var failure: String?
        var isSkipped = false
    }

    private(set) var cases: [Case] = []

    init(contentsOf url: URL) throws {
        let reader = Reader()
        let parser = XMLParser(data: try Data(contentsOf: url))
        parser.delegate = reader
        guard parser.parse() else { throw parser.parserError ?? CocoaError(.fileReadCorruptFile) }
        cases = reader.cases
    }

    func cases(of file: String) -> [Case] { cases.filter { $0.file == file } }

    private final class Reader: NSObject, XMLParserDelegate {
        var cases: [Case] = []
        private var text: String?

        func parser(
            _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String] = [:]
        ) {
            switch element {
            case "testcase":
                let module = attributes["classname"] ?? ""
                cases.append(
                    Case(
                        file: module.split(separator: ".").first.map(String.init) ?? module,
                        name: attributes["name"] ?? ""))
            case "failure", "error":
                text = attributes["message"].map { $0 + "\n" } ?? ""
            case "skipped":
                cases[cases.count - 1].isSkipped = true
            default: break
            }
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            text? += string
        }

        func parser(
            _ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?
        ) {
            guard element == "failure" || element == "error", let text else { return }
            cases[cases.count - 1].failure = (cases[cases.count - 1].failure.map { $0 + "\n" } ?? "") + text
            self.text = nil
        }
    }
}
