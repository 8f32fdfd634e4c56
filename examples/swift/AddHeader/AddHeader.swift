import AddonSDK

@main
struct AddHeader {
    static func main() {}
}
