/* Any bytes as a message: what was read agrees with a slow reading, is built anew and read again,
 * and everything that messages carry is asked for. */
#include "base/writer.h"
#include "proto/dhcp/auth.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/fqdn.h"
#include "proto/dhcp/identity.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/option.h"
#include "proto/dhcp/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dhcp_message m, back;
static uint8_t slow[DHCP_MESSAGE_MAX];

/* Appends the octets of one code in one field to slow. */
static size_t gather(const uint8_t *at, size_t len, uint8_t code, size_t have)
{
	size_t i = 0;
	while (i < len && at[i] != DHCP_OPT_END) {
		if (at[i] == DHCP_OPT_PAD) {
			i++;
			continue;
		}
		size_t n = at[i + 1];
		if (at[i] == code) {
			memcpy(slow + have, at + i + 2, n);
			have += n;
		}
		i += 2 + n;
	}
	return have;
}

static void check_option(const uint8_t *data, size_t size, uint8_t code)
{
	uint8_t overload = 0;
	err_ignore(dhcp_message_u8(&m, DHCP_OPT_OVERLOAD, &overload));
	size_t len = gather(data + DHCP_OPTIONS_AT, size - DHCP_OPTIONS_AT, code, 0);
	/* Option 52 counts in the options field; one elsewhere joins it and hides its value. */
	if (dhcp_message_option(&m, DHCP_OPT_OVERLOAD).len > 1)
		return;
	if (overload & 1)
		len = gather(data + 108, DHCP_FILE_LEN, code, len);
	if (overload & 2)
		len = gather(data + 44, DHCP_SNAME_LEN, code, len);
	ASSERT(span_equal(dhcp_message_option(&m, code), span_of(slow, len)));
}

static void format(uint8_t code, struct span value)
{
	static uint8_t text[16384];
	struct writer w = writer_of(text, sizeof(text));
	dhcp_option_format(code, value, &w);
	for (size_t i = 0; i < w.pos; i++)
		ASSERT(text[i] >= ' ' && text[i] <= '~');
	err_ignore(dhcp_option_check(code, value));
}

/* Built again, with all options that fit, it says the same. */
static void rebuild(size_t room)
{
	static uint8_t out[DHCP_MESSAGE_MAX];
	struct dhcp_build_rules rules = {
		.size_max = room,
		.overload = m.head.xid & 1,
		.file = span_sub(m.file, 0, DHCP_FILE_LEN - 1),
		.sname = span_sub(m.sname, 0, DHCP_SNAME_LEN - 1),
	};
	if (dhcp_message_option(&m, DHCP_OPT_RELAY_AGENT_INFORMATION).len <= 40)
		rules.relay = dhcp_message_option(&m, DHCP_OPT_RELAY_AGENT_INFORMATION);
	struct dhcp_build b;
	struct span message;
	dhcp_build_init(&b, out, sizeof(out), &m.head, &rules);
	for (unsigned i = 0; i < m.options_len; i++) {
		uint8_t code;
		struct span value = dhcp_message_option_at(&m, i, &code);
		if (code != DHCP_OPT_OVERLOAD && code != DHCP_OPT_RELAY_AGENT_INFORMATION)
			dhcp_build_option(&b, code, value);
	}
	ASSERT(dhcp_build_finish(&b, &message) == OK);
	ASSERT(message.len >= DHCP_PADDED_LEN && message.len <= room);
	ASSERT(dhcp_message_read(message, &back) == OK);
	ASSERT(back.head.xid == m.head.xid && back.head.giaddr == m.head.giaddr);
	ASSERT(span_equal(back.file, rules.file) && span_equal(back.sname, rules.sname));
	for (unsigned i = 0; i < m.options_len; i++) {
		uint8_t code;
		struct span value = dhcp_message_option_at(&m, i, &code);
		if (code == DHCP_OPT_OVERLOAD || code == DHCP_OPT_RELAY_AGENT_INFORMATION)
			continue;
		ASSERT(dhcp_message_has(&back, code) == dhcp_build_has(&b, code));
		if (dhcp_build_has(&b, code))
			ASSERT(span_equal(dhcp_message_option(&back, code), value));
	}
}

static void ask(void)
{
	struct dhcp_client_id id;
	struct dhcp_fqdn fqdn;
	struct dhcp_relay_info relay;
	struct span s;
	uint64_t replay;
	uint8_t nonce[DHCP_NONCE_LEN] = {0};
	if (dhcp_message_client_id(&m, &s) == OK)
		err_ignore(dhcp_client_id_read(s, &id));
	err_ignore(dhcp_fqdn_read(dhcp_message_option(&m, DHCP_OPT_CLIENT_FQDN), &fqdn));
	s = dhcp_message_option(&m, DHCP_OPT_RELAY_AGENT_INFORMATION);
	err_ignore(dhcp_relay_info_read(s, &relay));
	err_ignore(dhcp_auth_verify(&m, nonce, &replay));
	size_t max = dhcp_message_size_max(&m, 1472);
	ASSERT(max >= DHCP_SIZE_MIN && max <= 1472);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (dhcp_message_read(span_of(data, size), &m))
		return 0;
	ask();
	for (unsigned i = 0; i < m.options_len; i++) {
		uint8_t code;
		struct span value = dhcp_message_option_at(&m, i, &code);
		check_option(data, size, code);
		format(code, value);
	}
	rebuild(DHCP_SIZE_MIN);
	rebuild(DHCP_PADDED_LEN + 64 + m.head.xid % 1000);
	return 0;
}
