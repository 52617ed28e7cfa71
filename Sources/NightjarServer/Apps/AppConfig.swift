internal import Foundation
internal import Nightjar
internal import NightjarCore

/// An app as it registers itself, checked.
struct AppConfig {
    let name: String
    let url: String
    /// What it says it is, such as `py:v0.5.19`.
    let sdk: String
    let framework: String?
    let version: String?
    let functions: [FunctionConfig]

    /// What its author should know.
    var warnings: [String] {
        functions.flatMap { function in function.warnings.map { "function \"\(function.slug)\": \($0)" } }
    }

    /// Takes what an SDK sends to `/fn/register`, or answers to an in-band sync.
    /// - Throws: All that is wrong.
    init(_ body: JSON, sdk header: String?) throws(SyncRefusal) {
        do throws(SyncProblem) {
            let fields = try ConfigFields(body, at: "")
            name = try Self.name(fields)
            url = try AppURL.checked(try fields.requiredText("url"), field: "url")
            let named = try Self.sdk(fields)
            sdk = try fields.text("sdk") ?? header ?? named ?? ""
            framework = try fields.text("framework")
            version = try fields.text("appVersion")
            guard SDKVersion(sdk)?.isDenied != true else {
                throw SyncProblem(
                    .sdkVersionDenied, "sdk", "\(sdk) has a known weakness (CVE-2026-42047); use 3.54.0 or newer")
            }
            guard let list = fields["functions"]?.array else { throw SyncProblem("functions", "must be a list") }
            functions = list.enumerated().map { [name] in FunctionConfig($1, app: name, index: $0) }
        } catch {
            throw SyncRefusal(problems: [error])
        }
        var problems = functions.flatMap(\.problems)
        for (slug, same) in Dictionary(grouping: functions, by: \.slug) where same.count > 1 && !slug.isEmpty {
            var problem = SyncProblem("id", "\(same.count) functions have this id")
            problem.function = slug
            problems.append(problem)
        }
        guard problems.isEmpty else { throw SyncRefusal(problems: problems) }
    }

    private static func name(_ fields: ConfigFields) throws(SyncProblem) -> String {
        let id = try fields.text("appID")
        guard let name = try fields.text("appName") ?? id else {
            throw SyncProblem("appName", "is missing: the id of the app")
        }
        guard name.unicodeScalars.count <= 255, !name.unicodeScalars.contains(where: { $0.value < 32 }) else {
            throw SyncProblem("appName", "must have 1 to 255 characters, none of them a control character")
        }
        return name
    }

    /// What answers to an in-band sync say.
    private static func sdk(_ fields: ConfigFields) throws(SyncProblem) -> String? {
        guard let language = try fields.text("sdkLanguage"), let version = try fields.text("sdkVersion") else {
            return nil
        }
        return "\(language):v\(version)"
    }

    /// As `nightjar.sync` takes it.
    func entry() throws -> String {
        let functions = JSON.array(self.functions.map(\.entry))
        let content: JSON = [
            "url": .string(url), "sdk": .string(sdk), "framework": framework.map { .string($0) } ?? .null,
            "version": version.map { .string($0) } ?? .null, "functions": functions,
        ]
        let checksum = Digest.sha256(Array(try JSONCoding.canonicalText(content).utf8)).hex
        var entry = content.object ?? [:]
        entry["name"] = .string(name)
        entry["checksum"] = .string(checksum)
        return try JSONCoding.canonicalText(JSON.object(entry))
    }
}
