/* The examples of the RFCs about answers: 4592 (wildcards), 4035 appendix B (NSEC), 5155 appendix B
 * (NSEC3). */
#include "service/authority/ask_test.h"

#include <stdio.h>

static struct ask *zone_of(const char *file)
{
	char path[512];
	struct ask *a = ask_new();

	(void)snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, file);
	ask_add_file(a, "example.", path);
	return a;
}

#define SOA_4592 "ns example. SOA ns.example.com. hostmaster.example.com. 1 3600 300 3600000 3600\n"

static void answers_as_rfc_4592_says(void **state)
{
	(void)state;
	struct ask *a = zone_of("rfc4592.zone");

	/* RFC 4592 2.2.1: these are synthesized from *.example. */
	assert_string_equal(ask(a, "host3.example.", "MX", 0),
			    "NOERROR aa\nan host3.example. MX 10 host1.example.\nar host1.example. "
			    "A 192.0.2.1\n");
	assert_string_equal(ask(a, "host3.example.", "A", 0), "NOERROR aa\n" SOA_4592);
	assert_string_equal(ask(a, "foo.bar.example.", "TXT", 0),
			    "NOERROR aa\nan foo.bar.example. TXT \"this is a wildcard\"\n");
	/* And these are not. */
	assert_string_equal(ask(a, "host1.example.", "MX", 0), "NOERROR aa\n" SOA_4592);
	assert_string_equal(ask(a, "sub.*.example.", "MX", 0), "NOERROR aa\n" SOA_4592);
	assert_string_equal(ask(a, "_telnet._tcp.host1.example.", "SRV", 0),
			    "NXDOMAIN aa\n" SOA_4592);
	assert_string_equal(ask(a, "host.subdel.example.", "A", 0),
			    "NOERROR\nns subdel.example. NS ns.example.com.\nns subdel.example. NS "
			    "ns.example.net.\n");
	assert_string_equal(ask(a, "ghost.*.example.", "MX", 0), "NXDOMAIN aa\n" SOA_4592);
	/* RFC 4592 2.2.2: empty non-terminals exist. */
	assert_string_equal(ask(a, "_tcp.host1.example.", "A", 0), "NOERROR aa\n" SOA_4592);
	assert_string_equal(ask(a, "host2.example.", "MX", 0), "NOERROR aa\n" SOA_4592);
	/* RFC 4592 2.3: the asterisk itself is asked for like any name. */
	assert_string_equal(ask(a, "*.example.", "TXT", 0),
			    "NOERROR aa\nan *.example. TXT \"this is a wildcard\"\n");
	ask_free(a);
}

#define SOA_4035                                                                                   \
	"ns example. SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600\n"        \
	"ns example. RRSIG SOA\n"
#define NSEC_APEX                                                                                  \
	"ns example. NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY\n"                                \
	"ns example. RRSIG NSEC\n"
#define NSEC_B	 "ns b.example. NSEC ns1.example. NS RRSIG NSEC\nns b.example. RRSIG NSEC\n"
#define NSEC_XYW "ns x.y.w.example. NSEC xx.example. MX RRSIG NSEC\nns x.y.w.example. RRSIG NSEC\n"
#define AI_ADDRESSES                                                                               \
	"ar ai.example. A 192.0.2.9\nar ai.example. RRSIG A\n"                                     \
	"ar ai.example. AAAA 2001:db8::f00:baa9\nar ai.example. RRSIG AAAA\n"

static void answers_as_rfc_4035_appendix_b_says(void **state)
{
	(void)state;
	struct ask *a = zone_of("rfc4035-a.zone");

	assert_string_equal(
		ask(a, "x.w.example.", "MX", ASK_DO), /* B.1 */
		"NOERROR aa\nan x.w.example. MX 1 xx.example.\nan x.w.example. RRSIG MX\n"
		"ar xx.example. A 192.0.2.10\nar xx.example. RRSIG A\n"
		"ar xx.example. AAAA 2001:db8::f00:baaa\nar xx.example. RRSIG AAAA\n");
	assert_string_equal(ask(a, "ml.example.", "A", ASK_DO), /* B.2 */
			    "NXDOMAIN aa\n" SOA_4035 NSEC_B NSEC_APEX);
	assert_string_equal(
		ask(a, "ns1.example.", "MX", ASK_DO), /* B.3 */
		"NOERROR aa\n" SOA_4035
		"ns ns1.example. NSEC ns2.example. A RRSIG NSEC\nns ns1.example. RRSIG NSEC\n");
	assert_string_equal(
		ask(a, "mc.a.example.", "MX", ASK_DO), /* B.4 */
		"NOERROR\nns a.example. NS ns1.a.example.\nns a.example. NS ns2.a.example.\n"
		"ns a.example. DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B\n"
		"ns a.example. RRSIG DS\n"
		"ar ns1.a.example. A 192.0.2.5\nar ns2.a.example. A 192.0.2.6\n");
	assert_string_equal(
		ask(a, "mc.b.example.", "MX", ASK_DO), /* B.5 */
		"NOERROR\nns b.example. NS ns1.b.example.\nns b.example. NS ns2.b.example.\n" NSEC_B
		"ar ns1.b.example. A 192.0.2.7\nar ns2.b.example. A 192.0.2.8\n");
	assert_string_equal(ask(a, "a.z.w.example.", "MX", ASK_DO), /* B.6 */
			    "NOERROR aa\nan a.z.w.example. MX 1 ai.example.\nan a.z.w.example. "
			    "RRSIG MX\n" NSEC_XYW AI_ADDRESSES);
	assert_string_equal(ask(a, "a.z.w.example.", "AAAA", ASK_DO), /* B.7 */
			    "NOERROR aa\n" SOA_4035 "ns *.w.example. NSEC x.w.example. MX RRSIG "
			    "NSEC\nns *.w.example. RRSIG NSEC\n" NSEC_XYW);
	assert_string_equal(ask(a, "example.", "DS", ASK_DO),
			    "NOERROR aa\n" SOA_4035 NSEC_APEX); /* B.8 */
	ask_free(a);
}

#define SOA_5155                                                                                   \
	"ns example. SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600\nns example. "     \
	"RRSIG SOA\n"
#define NSEC3(owner, rest)                                                                         \
	"ns " owner ".example. NSEC3 1 1 12 AABBCCDD " rest "\nns " owner ".example. RRSIG "       \
	"NSEC3\n"
#define NSEC3_EXAMPLE                                                                              \
	NSEC3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",                                                  \
	      "2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM")
#define NSEC3_XW                                                                                   \
	NSEC3("b4um86eghhds6nea196smvmlo4ors995", "gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG")
#define NSEC3_A                                                                                    \
	NSEC3("35mthgpgcu1qg68fab165klnsnk3dpvl", "b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG")
#define NSEC3_NS1                                                                                  \
	NSEC3("2t7b4g4vsa5smi47k61mv5bv1a22bojr", "2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG")
#define NSEC3_YW NSEC3("ji6neoaepv8b5o6k4ev33abha8ht9fgc", "k8udemvp1j2f7eg6jebps17vp3n8i58h")
#define NSEC3_W	 NSEC3("k8udemvp1j2f7eg6jebps17vp3n8i58h", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi")
#define NSEC3_NS2                                                                                  \
	NSEC3("q04jkcevqvmu85r014c7dkba38o0ji5r", "r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG")
#define NSEC3_WILD                                                                                 \
	NSEC3("r53bq7cc2uvmubfu5ocmm6pers9tk9en", "t644ebqk9bibcna874givr6joj62mlhv MX RRSIG")

static void answers_as_rfc_5155_appendix_b_says(void **state)
{
	(void)state;
	struct ask *a = zone_of("rfc5155-a.zone");

	assert_string_equal(ask(a, "a.c.x.w.example.", "A", ASK_DO), /* B.1 */
			    "NXDOMAIN aa\n" SOA_5155 NSEC3_XW NSEC3_EXAMPLE NSEC3_A);
	assert_string_equal(ask(a, "ns1.example.", "MX", ASK_DO),
			    "NOERROR aa\n" SOA_5155 NSEC3_NS1); /* B.2 */
	assert_string_equal(ask(a, "y.w.example.", "A", ASK_DO),
			    "NOERROR aa\n" SOA_5155 NSEC3_YW);	   /* B.2.1 */
	assert_string_equal(ask(a, "mc.c.example.", "MX", ASK_DO), /* B.3 */
			    "NOERROR\nns c.example. NS ns1.c.example.\nns c.example. NS "
			    "ns2.c.example.\n" NSEC3_EXAMPLE NSEC3_A
			    "ar ns1.c.example. A 192.0.2.7\nar ns2.c.example. A 192.0.2.8\n");
	assert_string_equal(ask(a, "a.z.w.example.", "MX", ASK_DO), /* B.4 */
			    "NOERROR aa\nan a.z.w.example. MX 1 ai.example.\nan a.z.w.example. "
			    "RRSIG MX\n" NSEC3_NS2 AI_ADDRESSES);
	assert_string_equal(ask(a, "a.z.w.example.", "AAAA", ASK_DO), /* B.5 */
			    "NOERROR aa\n" SOA_5155 NSEC3_W NSEC3_NS2 NSEC3_WILD);
	assert_string_equal(ask(a, "example.", "DS", ASK_DO),
			    "NOERROR aa\n" SOA_5155 NSEC3_EXAMPLE); /* B.6 */
	ask_free(a);
}

static void nsec3_owner_is_no_name_but_its_other_data_are(void **state)
{
	(void)state;
	struct ask *a = zone_of("rfc5155-a.zone");

	/* RFC 5155 7.2.8 */
	assert_string_equal(ask(a, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.", "NSEC3", 0),
			    "NXDOMAIN aa\nns example. SOA ns1.example. bugs.x.w.example. 1 3600 "
			    "300 3600000 3600\n");
	assert_string_equal(
		ask(a, "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", "A", 0),
		"NOERROR aa\nan 2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. A 192.0.2.127\n");
	assert_string_equal(ask(a, "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", "NSEC3", 0),
			    "NOERROR aa\nns example. SOA ns1.example. bugs.x.w.example. 1 3600 300 "
			    "3600000 3600\n");
	ask_free(a);
}

static void proofs_stay_away_without_do(void **state)
{
	(void)state;
	struct ask *a = zone_of("rfc4035-a.zone");

	assert_string_equal(
		ask(a, "mc.a.example.", "MX", ASK_EDNS),
		"NOERROR\nns a.example. NS ns1.a.example.\nns a.example. NS ns2.a.example.\n"
		"ar ns1.a.example. A 192.0.2.5\nar ns2.a.example. A 192.0.2.6\n");
	ask_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_rfc_4592_says),
		cmocka_unit_test(answers_as_rfc_4035_appendix_b_says),
		cmocka_unit_test(answers_as_rfc_5155_appendix_b_says),
		cmocka_unit_test(nsec3_owner_is_no_name_but_its_other_data_are),
		cmocka_unit_test(proofs_stay_away_without_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
