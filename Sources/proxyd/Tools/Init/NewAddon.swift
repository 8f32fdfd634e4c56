import AddonProtocol

/// An addon as `proxyd init` writes it.
struct NewAddon {
    struct File {
        var path: String
        var text: String
        /// Whether the file is a script that is run by its own name.
        var isProgram: Bool { text.hasPrefix("#!") }
    }

    static let languages = [
        "python", "node", "typescript", "swift", "shell", "perl", "ruby", "lua", "java", "go", "rust", "c",
    ]
    private static let longestName = 64
    /// The placeholder for the sources when their place is not known.
    private static let unknownSources = "/path/to/proxyd"

    let name: String
    let language: String
    /// The folder of proxyd's sources, with the SDKs; nil: not known.
    let sources: String?
    private let templates: [(path: String, text: String)]

    init(_ name: String, in language: String, sources: String?) throws(ToolFailure) {
        guard let templates = AddonTemplates.files[language] else {
            let nearest = nearestNames(to: language, among: Self.languages)
            let hint =
                nearest.isEmpty
                ? "known languages are \(Self.languages.joined(separator: ", "))"
                : "did you mean \(nearest.joined(separator: " or "))?"
            throw .usage("--language \(language) is not known; \(hint)")
        }
        guard Self.isName(name) else {
            throw .usage(
                "the name \"\(name)\" is not allowed; allowed are at most \(Self.longestName) letters, digits, - and _, beginning with a letter"
            )
        }
        let modules = ["AddonSDK", "AddonProtocol", "Swift", "Foundation", "Testing", "proxyd"]
        guard language != "swift" || !modules.contains(name) else {
            throw .usage("the name \"\(name)\" is taken by a module that the addon uses; choose another")
        }
        (self.name, self.language, self.sources, self.templates) = (name, language, sources, templates)
    }

    private static func isName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, bytes.count <= longestName, isLetter(first) else { return false }
        return bytes.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: "_")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(asciiLowercase(byte))
    }

    var files: [File] {
        templates.map { path, text in
            let checkout = (sources ?? Self.unknownSources)
                .replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            return File(
                path: path,
                text: text.replacing("{{checkout}}", with: checkout).replacing("my-addon", with: name)
            )
        }
    }

    // MARK: What to do next

    private var usesSDK: Bool { ["python", "node", "typescript", "swift"].contains(language) }

    /// The commands that prepare the addon, test it, and start it.
    private var commands: (prepare: [String], test: String, run: String) {
        let sources = CurlText.quoted(sources ?? Self.unknownSources)
        return switch language {
        case "python":
            (["export PYTHONPATH=\(sources)/Sources/addon-sdk/python"], "python3 -m unittest", "python3 addon.py")
        case "node": (["npm install"], "npm test", "node addon.js")
        case "typescript":
            (
                ["npm install", "command -v tsc || npm install --save-dev typescript"], "npm test", "node main.js"
            )
        case "swift": ([], "./test.sh", ".build/debug/\(name)")
        case "java": ([], "./test.sh", "java -cp . AddHeader")
        case "go", "rust", "c": ([], "./test.sh", "./add_header")
        default: ([], "./test.sh", "./\(templates[0].path)")
        }
    }

    /// - Parameter program: how the user calls proxyd.
    func advice(calling program: String) -> [String] {
        let (prepare, test, run) = commands
        let isByScript = test == "./test.sh" && program != "proxyd"
        var lines = ["\(name)/ has \(templates.map(\.path).joined(separator: ", "))", "", "Next:", "  cd \(name)"]
        lines += prepare.map { "  " + $0 }
        lines.append("  \(isByScript ? "PROXYD=\(program) " : "")\(test)")
        lines.append("  \(program) run --addon '\(name)=\(run)'")
        lines += ["", "Each request through the proxy then has the header x-addon: \(name)."]
        if usesSDK, sources == nil {
            lines.append(
                "\(Self.unknownSources) stands for the folder of proxyd's sources, which has the SDK; --sources DIR fills it in."
            )
        }
        return lines
    }
}
