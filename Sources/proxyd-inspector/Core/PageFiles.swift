import FlyingFox
import Foundation

/// The files of the page, which are installed beside the program.
package struct PageFiles: Sendable {
    private static let types = [
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
    ]

    private let files: [String: Data]

    /// - Throws: when the files are missing.
    package init() throws {
        // Bundle.module would end the program if they are missing.
        let folder = Bundle.main.bundleURL.appendingPathComponent("proxyd_InspectorCore.resources/Page")
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw Failure(500, "the page's files are missing: \(folder.path) belongs beside the program")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        files = try Dictionary(
            uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: folder.appendingPathComponent($0))) }
        )
    }

    func answer(_ request: HTTPRequest) throws -> HTTPResponse {
        guard request.method == .GET else {
            throw Failure(405, "\(request.method.rawValue.prefix(40)): allowed is GET")
        }
        let name =
            request.path == "/"
            ? "index.html" : request.path.hasPrefix("/app/") ? String(request.path.dropFirst(5)) : ""
        guard let file = files[name], let type = Self.types[String(name.split(separator: ".").last ?? "")] else {
            throw Failure(404, "no such thing here")
        }
        return HTTPResponse(statusCode: .ok, headers: [.contentType: type], body: file)
    }
}
