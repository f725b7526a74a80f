#include "cli/vpn_client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char whole[] =
	"{'name': 'phone', 'addresses': ['10.9.0.2/32', 'fd00:9::2/128'], 'dns': ['10.9.0.1'],"
	" 'search': 'vpn.home.arpa', 'mtu': 1420, 'public_key': 'PUB=', 'preshared_key': 'PSK=',"
	" 'endpoint': 'vpn.example.org:51820', 'allowed_ips': ['0.0.0.0/0', '::/0'],"
	" 'keepalive_s': 25}";

/* What becomes of the text, in which ' stands for ", without the member but. */
static enum err written(const char *but, char *ret, size_t size)
{
	char text[sizeof(whole)];

	memcpy(text, whole, sizeof(whole));
	for (size_t i = 0; text[i]; i++)
		if (text[i] == '\'')
			text[i] = '"';
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	if (but)
		assert_int_equal(json_object_del(o, but), 0);
	struct writer w = writer_of(ret, size - 1);
	enum err e = vpn_client_write(o, span_text("PRIV="), &w);
	ret[w.pos] = '\0';
	json_decref(o);
	return e;
}

static void an_answer_becomes_a_file(void **state)
{
	(void)state;
	char file[VPN_CLIENT_FILE_MAX];

	assert_int_equal(written(NULL, file, sizeof(file)), OK);
	assert_string_equal(file, "[Interface]\nPrivateKey = PRIV=\n"
				  "Address = 10.9.0.2/32, fd00:9::2/128\n"
				  "DNS = 10.9.0.1, vpn.home.arpa\nMTU = 1420\n\n"
				  "[Peer]\nPublicKey = PUB=\nPresharedKey = PSK=\n"
				  "Endpoint = vpn.example.org:51820\n"
				  "AllowedIPs = 0.0.0.0/0, ::/0\nPersistentKeepalive = 25\n");
	assert_int_equal(written("preshared_key", file, sizeof(file)), OK);
	assert_null(strstr(file, "PresharedKey"));
	assert_int_equal(written("keepalive_s", file, sizeof(file)), OK);
	assert_null(strstr(file, "PersistentKeepalive"));
}

static void an_answer_without_what_a_client_needs_is_refused(void **state)
{
	(void)state;
	static const char *const needed[] = {"addresses", "allowed_ips", "dns", "public_key",
					     "endpoint"};
	char file[VPN_CLIENT_FILE_MAX], little[64];

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		assert_int_equal(written(needed[i], file, sizeof(file)), ERR_FORMAT);
	assert_int_equal(written(NULL, little, sizeof(little)), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_becomes_a_file),
		cmocka_unit_test(an_answer_without_what_a_client_needs_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
