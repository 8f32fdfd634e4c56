import AddonSDK
import Glibc
import ProxyCore

/// Looks up files of this machine.
enum LocalFile {
    /// Whether there is a regular file at the path.
    static func isFile(_ path: String) -> Bool { kind(path) == S_IFREG }
    static func isFolder(_ path: String) -> Bool { kind(path) == S_IFDIR }
    static func exists(_ path: String) -> Bool { kind(path) != nil }

    private static func kind(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    /// The path with symbolic links resolved.
    static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Finds what a request may have of `root`: no link may lead out of it.
    ///
    /// - Parameter relative: a path without leading `/`, fully decoded.
    /// - Returns: the real path; nil when nothing is there, or it is outside of `root`.
    static func below(_ root: String, _ relative: String) -> String? {
        guard !relative.utf8.contains(0), let root = resolved(root) else { return nil }
        let steps = relative.split(separator: "/").filter { $0 != "." }
        guard !steps.contains(".."), let path = resolved(([root[...]] + steps).joined(separator: "/")) else {
            return nil
        }
        return path == root || path.hasPrefix(root == "/" ? "/" : root + "/") ? path : nil
    }

    static func response(_ path: String, _ headers: Headers = [:]) throws -> HTTPResponse {
        var headers = headers
        if let type = MediaTypes.ofFile(path) { headers.add("content-type", type) }
        return HTTPResponse(status: 200, headers: headers, body: try Content.file(path).bytes(orAnswer: 404))
    }
}

extension String {
    /// The text with `%XX` replaced by the bytes that they stand for.
    var percentDecoded: String {
        var (bytes, rest) = ([UInt8](), Array(utf8)[...])
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            guard byte == UInt8(ascii: "%"), digits.count == 2 else {
                bytes.append(byte)
                continue
            }
            bytes.append(UInt8(digits[0] * 16 + digits[1]))
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
