import AddonSDK

@main
struct BlockHost {
    static func main() {}
}
