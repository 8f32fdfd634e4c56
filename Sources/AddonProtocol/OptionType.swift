/// The types of options, by the names that listings and declarations have; `?` may be null, `[]` is a list.
public enum OptionType: String, CaseIterable, Sendable {
    case bool
    case int
    case optionalInt = "int?"
    case float
    case string = "str"
    case optionalString = "str?"
    case stringList = "str[]"
    case intList = "int[]"
    case size
    case optionalSize = "size?"
    case addons
}

extension OptionType {
    /// Whether addons may declare options of this type; the others are for the daemon's own.
    public var isDeclarable: Bool {
        switch self {
        case .bool, .int, .optionalInt, .float, .string, .optionalString, .stringList, .intList: true
        case .size, .optionalSize, .addons: false
        }
    }

    static let declarable = allCases.filter(\.isDeclarable)

    /// What its values are, in words; completes "allowed is …".
    ///
    /// - Parameter detail: what else is required of them, such as " from 1 to 5".
    package func text(_ detail: String = "") -> String {
        switch self {
        case .bool: "true or false" + detail
        case .int: "a whole number" + detail
        case .float: "a number" + detail
        case .string: "a text" + detail
        case .stringList: "a list of texts" + detail
        case .intList: "a list of whole numbers" + detail
        case .size: "a size" + detail
        case .addons: "a mapping" + detail
        case .optionalInt: Self.int.text(detail) + ", or nothing"
        case .optionalString: Self.string.text(detail) + ", or nothing"
        case .optionalSize: Self.size.text(detail) + ", or nothing"
        }
    }

    /// Whether a value is of this type, whatever else may be required of it.
    package func allows(_ value: JSONValue) -> Bool {
        switch self {
        case .bool: value.boolValue != nil
        case .int: value.intValue != nil
        case .float: value.doubleValue != nil
        case .string: value.stringValue != nil
        case .stringList: value.arrayValue?.allSatisfy { $0.stringValue != nil } ?? false
        case .intList: value.arrayValue?.allSatisfy { $0.intValue != nil } ?? false
        case .size: value.intValue != nil || value.stringValue != nil
        case .addons: value.members != nil
        case .optionalInt: value.isNull || Self.int.allows(value)
        case .optionalString: value.isNull || Self.string.allows(value)
        case .optionalSize: value.isNull || Self.size.allows(value)
        }
    }

    /// What an option is when nobody says.
    public var emptyValue: JSONValue {
        switch self {
        case .bool: false
        case .int, .float, .size: 0
        case .string: ""
        case .optionalInt, .optionalString, .optionalSize: .null
        case .stringList, .intList: []
        case .addons: [:]
        }
    }
}
