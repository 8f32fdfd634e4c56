import AddonProtocol
import Glibc

/// A file that only this user may read, and that an editor changes.
struct EditedFile {
    private let folder: String
    private var path: String { folder + "/flow.json" }

    init(text: String) throws {
        folder = try TemporaryFiles.makeFolder()
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ToolFailure.nothing("cannot create \(path)", errno: errno) }
        defer { close(descriptor) }
        Output.write(text, to: descriptor)
    }

    /// Opens the file on this terminal in `$VISUAL`, else `$EDITOR`, else vi.
    func edit() throws {
        let editor = Terminal.environment("VISUAL") ?? Terminal.environment("EDITOR") ?? "vi"
        let status = try ToolProcess.withChild { try Self.run(["/bin/sh", "-c", "\(editor) \"$1\"", "sh", path]) }
        guard status == 0 else {
            let signal = status & 0x7f
            let end = signal == 0 ? "exited with code \(status >> 8 & 0xff)" : "was ended by signal \(signal)"
            remove()
            throw ToolFailure.nothing("\(editor) \(end); nothing was sent")
        }
    }

    func read() throws -> JSONValue {
        guard let file = fopen(path, "r") else { throw ToolFailure.nothing("\(path) is gone; nothing was sent") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        do {
            let json = try JSONReader.read(bytes)
            guard json.members != nil else { throw ToolFailure.usage(kept("not an object; nothing was sent")) }
            return json
        } catch let error as JSONError {
            throw ToolFailure.usage(kept("not JSON: \(error); nothing was sent"))
        }
    }

    /// The message, followed by where the user's text is.
    func kept(_ message: String) -> String { "\(message); your text is in \(path)" }

    func remove() {
        unlink(path)
        rmdir(folder)
    }

    /// Runs a program and returns its wait status.
    private static func run(_ words: [String]) throws -> Int32 {
        let pid: pid_t
        do {
            pid = try ForegroundProcess.start(words)
        } catch {
            throw ToolFailure.nothing("cannot run \(words[0])", errno: error.number)
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
