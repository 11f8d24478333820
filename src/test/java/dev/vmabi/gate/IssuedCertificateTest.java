package dev.vmabi.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IssuedCertificateTest {
    private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
    private static final List<String> HOSTS = List.of("vmabi-gate.vmabi-system.svc", "127.0.0.1");

    private static void trusted(IssuedCertificate issued, X509Certificate authority) throws GeneralSecurityException {
        issued.certificate().verify(authority.getPublicKey());
        assertThat(issued.certificate().getIssuerX500Principal()).isEqualTo(authority.getSubjectX500Principal());
    }

    @Test
    void theFirstIsForItsHostsAndNothingElse() throws Exception {
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW);
        trusted(issued, issued.authorities().getFirst());
        assertThat(issued.certificate().getSubjectAlternativeNames())
                .extracting(n -> String.valueOf(n.get(1)))
                .containsExactlyInAnyOrderElementsOf(HOSTS);
        assertThat(issued.certificate().getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.1");
        assertThat(issued.certificate().getBasicConstraints()).isEqualTo(-1);
        assertThat(issued.authorities().getFirst().getBasicConstraints()).isZero();
        assertThat(Duration.between(NOW, issued.certificate().getNotAfter().toInstant()))
                .isEqualTo(IssuedCertificate.LIFE);
        issued.certificate().checkValidity(Date.from(NOW.minusSeconds(60)));
    }

    @Test
    void nothingIsRenewedBeforeTwoThirdsOfItsLife() throws Exception {
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW);
        assertThat(issued.renewed(HOSTS, NOW.plus(Duration.ofDays(59)))).isSameAs(issued);
    }

    @Test
    void theCertificateIsRenewedUnderTheSameAuthority() throws Exception {
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW);
        Instant later = NOW.plus(Duration.ofDays(61));
        IssuedCertificate renewed = issued.renewed(HOSTS, later);
        assertThat(renewed.authorities()).isEqualTo(issued.authorities());
        assertThat(renewed.certificate()).isNotEqualTo(issued.certificate());
        trusted(renewed, issued.authorities().getFirst());
        assertThat(renewed.renewed(HOSTS, later)).isSameAs(renewed);
    }

    @Test
    void whatAReplicaIssuesWhoseClockIsAheadIsValidByTheRightTimeAndLeftAlone() throws Exception {
        Instant ahead = NOW.plus(Duration.ofDays(70));
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW).renewed(HOSTS, ahead);
        issued.certificate().checkValidity(Date.from(NOW));
        assertThat(issued.renewed(HOSTS, NOW)).isSameAs(issued);

        IssuedCertificate first = IssuedCertificate.first(HOSTS, ahead);
        first.certificate().checkValidity(Date.from(NOW));
        first.authorities().getFirst().checkValidity(Date.from(NOW));
    }

    @Test
    void otherHostsMakeAnotherCertificate() throws Exception {
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW);
        IssuedCertificate renewed = issued.renewed(List.of("other.svc"), NOW);
        assertThat(renewed.certificate().getSubjectAlternativeNames())
                .extracting(n -> String.valueOf(n.get(1)))
                .containsExactly("other.svc");
        trusted(renewed, issued.authorities().getFirst());
    }

    @Test
    void aNewAuthorityIsTrustedBeforeItSignsAnything() throws Exception {
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW);
        Instant due = NOW.plus(IssuedCertificate.AUTHORITY_LIFE.multipliedBy(2).dividedBy(3))
                .plusSeconds(3600);
        IssuedCertificate leafFirst = issued.renewed(HOSTS, due);
        trusted(leafFirst, issued.authorities().getFirst());

        IssuedCertificate both = leafFirst.renewed(HOSTS, due);
        assertThat(both.authorities())
                .hasSize(2)
                .last()
                .isEqualTo(issued.authorities().getFirst());
        assertThat(both.certificate()).as("still the one that everybody trusts").isEqualTo(leafFirst.certificate());
        assertThat(both.renewed(HOSTS, due)).isSameAs(both);

        IssuedCertificate signed = both.renewed(HOSTS, due.plus(Duration.ofDays(61)));
        assertThat(signed.authorities()).isEqualTo(both.authorities());
        trusted(signed, both.authorities().getFirst());
    }

    @Test
    void anExpiredAuthorityStartsAnew() throws Exception {
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW);
        IssuedCertificate renewed = issued.renewed(HOSTS, NOW.plus(IssuedCertificate.AUTHORITY_LIFE));
        assertThat(renewed.authorities()).hasSize(1).doesNotContainAnyElementsOf(issued.authorities());
    }

    @Test
    void aSecretHoldsAllOfIt() throws Exception {
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW);
        IssuedCertificate read = IssuedCertificate.ofSecret(issued.toSecret());
        assertThat(read).isEqualTo(issued);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ca.crt", "ca.key", "tls.crt", "tls.key"})
    void aSecretThatLacksAPartOrHoldsAnotherIsNotTaken(String part) throws Exception {
        Map<String, String> data = IssuedCertificate.first(HOSTS, NOW).toSecret();
        Map<String, String> other = IssuedCertificate.first(HOSTS, NOW).toSecret();
        Map<String, String> lacking = new HashMap<>(data);
        lacking.remove(part);
        assertThatThrownBy(() -> IssuedCertificate.ofSecret(lacking))
                .isInstanceOf(GeneralSecurityException.class)
                .hasMessage(part + " is missing");
        Map<String, String> garbage = new HashMap<>(data);
        garbage.put(part, "garbage");
        assertThatThrownBy(() -> IssuedCertificate.ofSecret(garbage)).isInstanceOf(GeneralSecurityException.class);
        Map<String, String> mixed = new HashMap<>(data);
        mixed.put(part, other.get(part));
        assertThatThrownBy(() -> IssuedCertificate.ofSecret(mixed)).isInstanceOf(GeneralSecurityException.class);
    }

    @Test
    void keysAsOtherToolsWriteThemAreRead() throws Exception {
        RSAPrivateCrtKey rsa = (RSAPrivateCrtKey)
                KeyPairGenerator.getInstance("RSA").generateKeyPair().getPrivate();
        byte[] pkcs1 = PrivateKeyInfo.getInstance(rsa.getEncoded())
                .parsePrivateKey()
                .toASN1Primitive()
                .getEncoded();
        assertThat(Pem.privateKey(Pem.of(rsa))).isEqualTo(rsa);
        assertThat(Pem.privateKey(pem("RSA PRIVATE KEY", pkcs1))).isEqualTo(rsa);

        KeyPairGenerator curve = KeyPairGenerator.getInstance("EC");
        curve.initialize(new ECGenParameterSpec("secp256r1"));
        ECPrivateKey ec = (ECPrivateKey) curve.generateKeyPair().getPrivate();
        byte[] sec1 =
                new org.bouncycastle.asn1.sec.ECPrivateKey(256, ec.getS(), SECObjectIdentifiers.secp256r1).getEncoded();
        assertThat(((ECPrivateKey) Pem.privateKey(Pem.of(ec))).getS()).isEqualTo(ec.getS());
        assertThat(((ECPrivateKey) Pem.privateKey(pem("EC PRIVATE KEY", sec1))).getS())
                .isEqualTo(ec.getS());
        assertThatThrownBy(() -> Pem.privateKey("nothing")).hasMessage("there is no unencrypted private key in it");
    }

    private static String pem(String what, byte[] der) {
        return "-----BEGIN " + what + "-----\n" + Base64.getMimeEncoder().encodeToString(der) + "\n-----END " + what
                + "-----\n";
    }
}
