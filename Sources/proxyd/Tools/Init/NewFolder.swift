import Foundation
import Glibc

/// Writes a folder that did not exist before.
enum NewFolder {
    /// Writes the files into it. It is an error if the folder exists; then it is left as it is.
    static func write(_ files: [NewAddon.File], as name: String) throws(ToolFailure) {
        guard mkdir(name, 0o777) == 0 else {
            guard errno == EEXIST else { throw .usage("cannot create the folder \(name)", errno: errno) }
            throw .usage("\(name) exists already, and nothing is overwritten; choose another name, or move it away")
        }
        for file in files {
            let path = "\(name)/\(file.path)"
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
            if mkdir(folder, 0o777) != 0, errno != EEXIST {
                throw .nothing("cannot create the folder \(folder)", errno: errno)
            }
            try write(file, to: path)
        }
    }

    private static func write(_ file: NewAddon.File, to path: String) throws(ToolFailure) {
        let mode: mode_t = file.isProgram ? 0o777 : 0o666
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .nothing("cannot write \(path)", errno: errno) }
        defer { close(descriptor) }
        if let number = Output.failure(writing: Array(file.text.utf8), to: descriptor) {
            throw .nothing("cannot write \(path)", errno: number)
        }
    }
}
