import Foundation

/// This program: how the user calls it, and where the sources are that it was built from.
struct Program {
    /// How to call it from a shell.
    var command: String
    /// The folder of the sources; nil when the program is not inside it.
    var sources: String?

    static var current: Program {
        let path = Bundle.main.executablePath ?? ""
        let isByPath = CommandLine.arguments[0].contains("/")
        return Program(command: isByPath ? CurlText.quoted(path) : "proxyd", sources: folder(above: path))
    }

    /// The nearest enclosing folder of the program that has the SDKs.
    private static func folder(above path: String) -> String? {
        var url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        while url.path != "/" {
            url.deleteLastPathComponent()
            if hasSDKs(url.path) { return url.path }
        }
        return nil
    }

    /// The folder that the user named, as an absolute path.
    static func sources(_ path: String) throws(ToolFailure) -> String {
        let folder = URL(fileURLWithPath: path).path
        guard hasSDKs(folder) else {
            throw .usage("--sources \(path): it has no folder Sources/addon-sdk")
        }
        return folder
    }

    private static func hasSDKs(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: folder + "/Sources/addon-sdk/python/proxyd_addon")
    }
}
