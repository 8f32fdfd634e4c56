package import AddonProtocol

/// Why options were refused: which option, where it was set, what was found and what is allowed.
package struct OptionError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    package enum Reason: Sendable, Equatable {
        case unknown(nearest: [String])
        case notAllowed(found: JSONValue, allowed: String)
        case onlyAtStart
        /// A whole sentence, for an unreadable config file or options that contradict one another.
        case other(String)
    }

    /// The option's name; nil when the fault does not concern a single option.
    package var option: String?
    /// What is wrong with it.
    package var reason: Reason
    /// `--set`, `--listen` or `config.yaml:3`; nil for a change at run time.
    package var origin: String?

    /// Creates an error for one option, or for none.
    package init(option: String? = nil, reason: Reason, origin: String? = nil) {
        self.option = option
        self.reason = reason
        self.origin = origin
    }

    /// The same error with its origin.
    func at(_ origin: String) -> OptionError {
        OptionError(option: option, reason: reason, origin: origin)
    }

    /// The error as one line for the user.
    package var description: String {
        (origin.map { $0 + ": " } ?? "") + sentence
    }

    private var sentence: String {
        let name = option ?? ""
        switch reason {
        case .unknown(let nearest):
            let hint = nearest.isEmpty ? "" : "; did you mean \(nearest.joined(separator: " or "))?"
            return "unknown option \(JSONValue.string(name).shortText)\(hint)"
        case .notAllowed(let found, let allowed):
            return "option \(name): \(found.shortText) is not allowed; allowed is \(allowed)"
        case .onlyAtStart:
            return "option \(name) can only be set at start, not while the daemon runs"
        case .other(let text):
            return option == nil ? text : "option \(name): \(text)"
        }
    }
}
