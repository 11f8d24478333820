package dev.vmabi.gate;

import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * A serving certificate that the gate has issued to itself, with the authority that signed it. Each is renewed when two
 * thirds of its life are over, never both at once: a new authority is trusted before anything it signed is shown.
 *
 * @param authorities what callers are to trust, newest first; all but the first only until they expire
 * @param authorityKey of the newest authority
 */
record IssuedCertificate(
        List<X509Certificate> authorities, PrivateKey authorityKey, X509Certificate certificate, PrivateKey key) {

    static final Duration LIFE = Duration.ofDays(90);
    static final Duration AUTHORITY_LIFE = Duration.ofDays(3650);

    /** How far ahead the clock of a replica may be: what it issues then is valid by the right time as well. */
    private static final Duration CLOCK_SKEW = Duration.ofDays(365);

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final String AUTHORITIES = "ca.crt";
    private static final String AUTHORITY_KEY = "ca.key";
    private static final String CERTIFICATE = "tls.crt";
    private static final String KEY = "tls.key";

    /** A new authority and a first certificate for these host names and addresses. */
    static IssuedCertificate first(Collection<String> hosts, Instant now) throws GeneralSecurityException {
        KeyPair authorityKeys = keys();
        return leaf(List.of(authority(authorityKeys, now)), authorityKeys.getPrivate(), hosts, now);
    }

    /** This one where nothing is due; otherwise with a new certificate, or a new authority. */
    IssuedCertificate renewed(Collection<String> hosts, Instant now) throws GeneralSecurityException {
        X509Certificate authority = authorities.getFirst();
        if (!now.isBefore(authority.getNotAfter().toInstant())) {
            return first(hosts, now);
        }
        if (!now.isBefore(due(certificate, LIFE)) || !hosts(certificate).equals(new TreeSet<>(hosts))) {
            return leaf(authorities, authorityKey, hosts, now);
        }
        if (!now.isBefore(due(authority, AUTHORITY_LIFE))) {
            KeyPair keys = keys();
            List<X509Certificate> trusted = new ArrayList<>(List.of(authority(keys, now)));
            authorities.stream()
                    .filter(a -> a.getNotAfter().toInstant().isAfter(now))
                    .forEach(trusted::add);
            return new IssuedCertificate(trusted, keys.getPrivate(), certificate, key);
        }
        return this;
    }

    /** As the data of a Secret of type kubernetes.io/tls. */
    Map<String, String> toSecret() throws GeneralSecurityException {
        return Map.of(
                AUTHORITIES, Pem.of(authorities),
                AUTHORITY_KEY, Pem.of(authorityKey),
                CERTIFICATE, Pem.of(List.of(certificate)),
                KEY, Pem.of(key));
    }

    /**
     * What {@link #toSecret} wrote.
     *
     * @throws GeneralSecurityException if it is anything else
     */
    static IssuedCertificate ofSecret(Map<String, String> data) throws GeneralSecurityException {
        Set<String> missing = new TreeSet<>(Set.of(AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, KEY));
        missing.removeAll(data.keySet());
        if (!missing.isEmpty()) {
            throw new GeneralSecurityException(String.join(", ", missing) + " is missing");
        }
        IssuedCertificate issued = new IssuedCertificate(
                Pem.certificates(data.get(AUTHORITIES)),
                Pem.privateKey(data.get(AUTHORITY_KEY)),
                Pem.certificates(data.get(CERTIFICATE)).getFirst(),
                Pem.privateKey(data.get(KEY)));
        issued.verify();
        return issued;
    }

    private void verify() throws GeneralSecurityException {
        ServingKeys.requirePair(certificate, key);
        ServingKeys.requirePair(authorities.getFirst(), authorityKey);
        for (X509Certificate authority : authorities) {
            if (authority.getSubjectX500Principal().equals(certificate.getIssuerX500Principal())) {
                certificate.verify(authority.getPublicKey());
                return;
            }
        }
        throw new GeneralSecurityException("the certificate was signed by no authority in " + AUTHORITIES);
    }

    private static IssuedCertificate leaf(
            List<X509Certificate> authorities, PrivateKey authorityKey, Collection<String> hosts, Instant now)
            throws GeneralSecurityException {
        KeyPair keys = keys();
        X509Certificate authority = authorities.getFirst();
        try {
            X509v3CertificateBuilder builder = builder(
                            authority.getSubjectX500Principal(),
                            new X500Principal("CN=vmabi gate"),
                            keys,
                            authority.getNotBefore().toInstant(),
                            now.plus(LIFE))
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
                    .addExtension(
                            Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth))
                    .addExtension(Extension.subjectAlternativeName, false, names(hosts));
            return new IssuedCertificate(authorities, authorityKey, sign(builder, authorityKey), keys.getPrivate());
        } catch (IOException e) {
            throw new GeneralSecurityException(e);
        }
    }

    private static X509Certificate authority(KeyPair keys, Instant now) throws GeneralSecurityException {
        // Names differ, so that of two authorities in one bundle the right one is found.
        X500Principal name = new X500Principal("CN=vmabi gate authority " + new BigInteger(64, RANDOM).toString(16));
        try {
            X509v3CertificateBuilder builder = builder(
                            name, name, keys, now.minus(CLOCK_SKEW), now.plus(AUTHORITY_LIFE))
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
            return sign(builder, keys.getPrivate());
        } catch (IOException e) {
            throw new GeneralSecurityException(e);
        }
    }

    private static X509v3CertificateBuilder builder(
            X500Principal issuer, X500Principal subject, KeyPair keys, Instant from, Instant to) {
        return new JcaX509v3CertificateBuilder(
                issuer,
                new BigInteger(120, RANDOM).setBit(120),
                Date.from(from),
                Date.from(to),
                subject,
                keys.getPublic());
    }

    private static X509Certificate sign(X509v3CertificateBuilder builder, PrivateKey key)
            throws GeneralSecurityException {
        try {
            return new JcaX509CertificateConverter()
                    .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(key)));
        } catch (OperatorException e) {
            throw new GeneralSecurityException(e);
        }
    }

    private static KeyPair keys() throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"), RANDOM);
        return generator.generateKeyPair();
    }

    private static GeneralNames names(Collection<String> hosts) {
        return new GeneralNames(new TreeSet<>(hosts)
                .stream()
                        .map(host -> new GeneralName(
                                host.matches("[0-9.]+|.*:.*") ? GeneralName.iPAddress : GeneralName.dNSName, host))
                        .toArray(GeneralName[]::new));
    }

    private static Set<String> hosts(X509Certificate certificate) throws GeneralSecurityException {
        Set<String> hosts = new HashSet<>();
        if (certificate.getSubjectAlternativeNames() != null) {
            certificate.getSubjectAlternativeNames().forEach(name -> hosts.add(String.valueOf(name.get(1))));
        }
        return hosts;
    }

    private static Instant due(X509Certificate certificate, Duration life) {
        return certificate.getNotAfter().toInstant().minus(life.dividedBy(3));
    }
}
