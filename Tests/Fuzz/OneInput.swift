import Foundation
import FuzzTargets

/// Called by libFuzzer with bytes of its choice; stops the program when the target fails.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try target.run(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        say("\(error)")
        abort()
    }
    return 0
}

private let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    if let target = FuzzTarget(rawValue: name) { return target }
    say("FUZZ_TARGET is \"\(name)\"; allowed: \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
    exit(2)
}()

private func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
