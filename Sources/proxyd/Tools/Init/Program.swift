import Foundation

/// This program: how the user calls it, and where the sources are that it was built from.
struct Program {
    /// For a shell.
    var command: String
    /// nil where the program lies elsewhere.
    var sources: String?

    static var current: Program {
        let path = Bundle.main.executablePath ?? ""
        let isByPath = CommandLine.arguments[0].contains("/")
        return Program(command: isByPath ? CurlText.quoted(path) : "proxyd", sources: folder(above: path))
    }

    /// The nearest folder around the program that has the SDKs.
    private static func folder(above path: String) -> String? {
        var url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        while url.path != "/" {
            url.deleteLastPathComponent()
            if hasSDKs(url.path) { return url.path }
        }
        return nil
    }

    /// The folder that the user names, as an absolute path.
    static func sources(_ path: String) throws(ToolFailure) -> String {
        let folder = URL(fileURLWithPath: path).path
        guard hasSDKs(folder) else {
            throw .usage("--sources \(path): there is no folder Sources/addon-sdk in it")
        }
        return folder
    }

    private static func hasSDKs(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: folder + "/Sources/addon-sdk/python/proxyd_addon")
    }
}
