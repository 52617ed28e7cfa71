/// What an app's answer says that its function has come to: one of the list in a 206.
struct Operation: Sendable {
    enum Code: String, Sendable, CaseIterable {
        case none
        /// Old SDKs' `stepRun`.
        case step
        case stepRun = "steprun"
        case stepError = "steperror"
        case stepFailed = "stepfailed"
        case stepPlanned = "stepplanned"
        case sleep
        case waitForEvent = "waitforevent"
        case waitForSignal = "waitforsignal"
        case invoke = "invokefunction"
        case aiGateway = "aigateway"
        case gateway
        case runComplete = "runcomplete"
        case syncRunComplete = "syncruncomplete"
        case discoveryRequest = "discoveryrequest"
        case deferAdd = "deferadd"
        case deferAbort = "deferabort"
    }

    var code: Code
    /// The step's key.
    var id: String
    /// `name` as it came: some operations say in it what they are about.
    var name: String?
    /// What people call the step.
    var title: String?
    var options: JSONValue?
    var data: JSONValue?
    var error: JSONValue?
    /// How long it took, in seconds, where the app says so.
    var duration: Double?

    /// Why an answer's operations cannot be understood.
    struct FormatError: Error, CustomStringConvertible {
        var description: String
    }

    init(_ json: JSONValue) throws(FormatError) {
        guard let name = json["op"]?.string, let code = Code(rawValue: name.lowercased()) else {
            throw FormatError(
                description: "the app answered an operation of an unknown kind: \(json["op"]?.text ?? "none")")
        }
        self.code = code
        self.name = json["name"]?.string
        id = json["id"]?.string ?? ""
        title = [json["displayName"]?.string, json["userland"]?["id"]?.string, self.name]
            .compactMap(\.self).first { !$0.isEmpty }.map { String($0.prefix(200)) }
        options = json["opts"]
        data = json.member("data")
        error = json["error"]
        duration = json["timing"]?["b"]?.number.map { $0 / 1e9 }
        let isAboutStep =
            switch code {
            case .none, .runComplete, .syncRunComplete, .discoveryRequest, .deferAdd, .deferAbort: false
            default: true
            }
        guard !isAboutStep || ((1...255).contains(id.utf8.count) && !id.utf8.contains(0)) else {
            throw FormatError(description: "the app answered a step whose id has not 1 to 255 bytes")
        }
    }

    /// Reads the body of a 206: a list, or one operation.
    static func list(_ json: JSONValue) throws(FormatError) -> [Operation] {
        if json.isNull { return [] }
        var operations: [Operation] = []
        for element in json.elements ?? [json] { operations.append(try Operation(element)) }
        return operations
    }

    /// Whether it neither is a step nor makes others wait.
    var isLazy: Bool { [.none, .deferAdd, .deferAbort, .discoveryRequest].contains(code) }

    /// Whether something listens because of it, which has to be so before steps cause what it listens for.
    var listens: Bool { [.waitForEvent, .waitForSignal, .invoke].contains(code) }

    /// Whether the function is to be asked for more when this step ends, rather than when all of its group have.
    var isRacing: Bool { options?["parallelMode"]?.string?.lowercased() == "race" }
}
