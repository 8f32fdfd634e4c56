import Glibc

@testable import ProxyCodecs
@testable import ProxyCore

/// Runs `act` with a writer to two pipes, closes it, and returns the content of the pipes.
func outputs(_ act: (OutputWriter) -> Void) throws -> (stdout: String, stderr: String) {
    let (stdout, stderr) = (try OwnedPipe(), try OwnedPipe())
    let writer = try OutputWriter(stdout: stdout.write.number, stderr: stderr.write.number)
    act(writer)
    writer.close()
    return (readAvailable(stdout.read), readAvailable(stderr.read))
}

/// The current content of a pipe.
func readAvailable(_ file: OwnedFile) -> String {
    file.setNonBlocking()
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while true {
        let count = read(file.number, &chunk, chunk.count)
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += chunk.prefix(count)
    }
}
