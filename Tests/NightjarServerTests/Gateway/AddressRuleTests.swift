import Testing

@testable import NightjarServer

@Suite("Addresses that requests may go to")
struct AddressRuleTests {
    @Test(
        "Private, special and disguised addresses are not public",
        arguments: [
            "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1",
            "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1",
            "255.255.255.255",
            "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "fe80::1",
            "fe80::1%lo", "febf::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "100::1", "2001::1",
            "2001:db8::1",
            "2001:10::1", "3fff::1", "5f00::1", "4000::1", "", "localhost", "1.2.3", "1.2.3.4.5", "0x7f.1",
        ])
    func special(address: String) {
        let isPublic = AddressRule.isPublic(address)
        #expect(!isPublic)
    }

    @Test(
        "Public addresses are",
        arguments: [
            "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:4860:4860::8888",
        ])
    func ordinary(address: String) {
        let isPublic = AddressRule.isPublic(address)
        #expect(isPublic)
    }
}
