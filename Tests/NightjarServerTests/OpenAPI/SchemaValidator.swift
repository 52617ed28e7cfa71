import Foundation
import NightjarCore

/// Checks values against JSON Schema, as far as the OpenAPI document uses it; what it does not know is an error.
struct SchemaValidator {
    /// The document, for references.
    let document: JSON

    /// What is wrong with a value, each with its place; empty when nothing is.
    func problems(_ value: JSON, _ schema: JSON, at path: String = "$") -> [String] {
        guard let members = schema.object else { return schema == true ? [] : ["\(path): no schema"] }
        if let reference = members["$ref"]?.string { return problems(value, resolve(reference), at: path) }
        var found: [String] = []
        for (keyword, rule) in members {
            switch keyword {
            case "description", "format", "default", "example": break
            case "type":
                let types = rule.array?.compactMap(\.string) ?? [rule.string ?? ""]
                if !types.contains(where: { Self.isOf($0, value) }) {
                    found.append("\(path): is no \(types.joined(separator: " or "))")
                }
            case "enum": if rule.array?.contains(value) != true { found.append("\(path): is none of \(rule)") }
            case "const": if rule != value { found.append("\(path): is not \(rule)") }
            case "pattern":
                if let text = value.string, let pattern = rule.string, let regex = try? Regex(pattern),
                    text.firstMatch(of: regex) == nil
                {
                    found.append("\(path): does not match \(pattern)")
                }
            case "required":
                for name in rule.array?.compactMap(\.string) ?? [] where value.object?.keys.contains(name) == false {
                    found.append("\(path): lacks \(name)")
                }
            case "properties":
                for (name, member) in value.object ?? [:] {
                    if let schema = rule[name] { found += problems(member, schema, at: "\(path).\(name)") }
                }
            case "additionalProperties":
                guard rule == false, let object = value.object else { continue }
                for name in object.keys where members["properties"]?[name] == nil {
                    found.append("\(path): has \(name)")
                }
            case "items":
                for (index, element) in (value.array ?? []).enumerated() {
                    found += problems(element, rule, at: "\(path)[\(index)]")
                }
            case "anyOf":
                let all = (rule.array ?? []).map { problems(value, $0, at: path) }
                if !all.contains(where: \.isEmpty) { found += all.flatMap(\.self) }
            case "minLength":
                if let text = value.string, text.count < rule.integer ?? 0 { found.append("\(path): too short") }
            case "maxLength":
                if let text = value.string, text.count > rule.integer ?? 0 { found.append("\(path): too long") }
            case "minimum":
                if let number = value.number, number < rule.number ?? 0 { found.append("\(path): too small") }
            case "maximum":
                if let number = value.number, number > rule.number ?? 0 { found.append("\(path): too large") }
            case "maxItems":
                if let list = value.array, list.count > rule.integer ?? 0 { found.append("\(path): too many") }
            default: found.append("\(path): the keyword \(keyword) is not known to this test")
            }
            if keyword == "format", let text = value.string, !Self.hasFormat(rule.string ?? "", text) {
                found.append("\(path): \"\(text)\" is no \(rule.string ?? "")")
            }
        }
        return found
    }

    func resolve(_ reference: String) -> JSON {
        reference.dropFirst(2).split(separator: "/").reduce(document) { value, part in
            value[String(part.replacing("~1", with: "/").replacing("~0", with: "~"))] ?? nil
        }
    }

    private static func isOf(_ type: String, _ value: JSON) -> Bool {
        switch type {
        case "null": value == .null
        case "boolean": value.bool != nil
        case "integer": value.integer != nil
        case "number": value.number != nil
        case "string": value.string != nil
        case "array": value.array != nil
        case "object": value.object != nil
        default: false
        }
    }

    private static func hasFormat(_ format: String, _ text: String) -> Bool {
        switch format {
        case "date-time": ISO8601.date(from: text) != nil
        case "uuid": UUID(uuidString: text) != nil
        default: false
        }
    }
}
