import Foundation
import FuzzTargets
import Testing

/// Every input from which `make fuzz` starts, and every one that once broke something.
struct FuzzTargetTests {
    struct Input: CustomTestStringConvertible {
        let target: FuzzTarget
        let path: String

        var testDescription: String { path.split(separator: "/").suffix(3).joined(separator: "/") }
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fuzz").standardized

    private static let inputs: [Input] = ["corpora", "findings"].flatMap { kind in
        FuzzTarget.allCases.flatMap { target in
            let folder = folder.appending(path: "\(kind)/\(target.rawValue)").path
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return names.sorted().map { Input(target: target, path: folder + "/" + $0) }
        }
    }

    @Test(arguments: inputs)
    func holds(_ input: Input) throws {
        let bytes = Array(try Data(contentsOf: URL(filePath: input.path)))
        #expect(throws: Never.self) { try input.target.run(bytes) }
    }

    @Test(arguments: FuzzTarget.allCases)
    func hasACorpus(_ target: FuzzTarget) {
        #expect(Self.inputs.contains { $0.target == target })
    }
}
