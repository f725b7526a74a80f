#include "proto/dhcp6/message.h"

#include "proto/dhcp6/fqdn.h"
#include "proto/dhcp6/ia.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A Solicit with an IA_NA, an IA_PD, classes and a name, as written down by hand from the RFCs. */
static const uint8_t solicit[] = {
	0x01, 0xab, 0xcd, 0xef,						/* SOLICIT */
	0,    1,    0,	  10,						/* client id: DUID-LL */
	0,    3,    0,	  1,	2, 0,  0,   0,	 0,   1,		/* */
	0,    8,    0,	  2,	1, 44,					/* elapsed: 3 s */
	0,    6,    0,	  4,	0, 23, 0,   82,				/* ORO */
	0,    14,   0,	  0,						/* rapid commit */
	0,    20,   0,	  0,						/* reconfigure accept */
	0,    15,   0,	  6,	0, 4,  'i', 'P', 'X', 'E',		/* user class */
	0,    16,   0,	  8,	0, 0,  1,   55,	 0,   2,   'p', 'c',	/* vendor class */
	0,    17,   0,	  9,	0, 0,  0,   9,	 0,   1,   0,	1,   7, /* vendor options */
	0,    39,   0,	  6,	1, 4,  'h', 'o', 's', 't',		/* FQDN, partial */
	0,    61,   0,	  4,	0, 7,  0,   9,				/* architectures */
	0,    3,    0,	  12,	0, 0,  0,   1,	 0,   0,   0,	0,   0,	 0, 0, 0, /* IA_NA */
	0,    25,   0,	  41,	0, 0,  0,   2,	 0,   0,   0,	0,   0,	 0, 0, 0, /* IA_PD */
	0,    26,   0,	  25,	0, 0,  0,   0,	 0,   0,   0,	0,   56, /* a length as a hint */
	0,    0,    0,	  0,	0, 0,  0,   0,	 0,   0,   0,	0,   0,	 0, 0, 0,
	0x7f, 0xff, 0,	  1,	9, /* unknown to all */
};

static void refuses(const uint8_t *wire, size_t len, enum err want)
{
	struct dhcp6_message m;
	uint8_t *copy = guard_copy(wire, len);
	assert_int_equal(dhcp6_message_read(span_of(copy, len), &m), want);
	guard_free(copy, len);
}

static void refuses_what_is_no_message(void **state)
{
	(void)state;
	refuses((const uint8_t *)"", 0, ERR_FORMAT);
	refuses((const uint8_t *)"\1\0\0", 3, ERR_FORMAT);
	for (unsigned type = 0; type < 256; type++) {
		uint8_t wire[4] = {(uint8_t)type};
		bool known = type >= DHCP6_SOLICIT && type <= DHCP6_INFORMATION_REQUEST;
		refuses(wire, 4, known ? OK : ERR_UNSUPPORTED);
	}
}

static void refuses_torn_options_and_options_of_a_wrong_length(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint8_t len;
		uint8_t option[20];
	} rows[] = {
		{"half a header", 3, {0, 1, 0}},
		{"longer than the message", 5, {0, 1, 0, 2, 0}},
		{"client id of 2", 6, {0, 1, 0, 2, 0, 3}},
		{"server id of none", 4, {0, 2, 0, 0}},
		{"odd option request", 5, {0, 6, 0, 1, 0}},
		{"preference of 2", 6, {0, 7, 0, 2, 0, 0}},
		{"elapsed time of 1", 5, {0, 8, 0, 1, 0}},
		{"authentication of 10", 14, {0, 11, 0, 10}},
		{"unicast of 15", 19, {0, 12, 0, 15}},
		{"status of 1", 5, {0, 13, 0, 1, 0}},
		{"rapid commit with a body", 5, {0, 14, 0, 1, 0}},
		{"user class without a class", 4, {0, 15, 0, 0}},
		{"user class torn", 7, {0, 15, 0, 3, 0, 2, 'a'}},
		{"vendor class without a number", 7, {0, 16, 0, 3, 0, 0, 0}},
		{"vendor options torn inside", 11, {0, 17, 0, 7, 0, 0, 0, 9, 0, 1, 0}},
		{"reconfigure message of 2", 6, {0, 19, 0, 2, 5, 5}},
		{"reconfigure accept with a body", 5, {0, 20, 0, 1, 0}},
		{"refresh time of 3", 7, {0, 32, 0, 3, 0, 0, 0}},
		{"FQDN without flags", 4, {0, 39, 0, 0}},
		{"architectures of none", 4, {0, 61, 0, 0}},
		{"SOL_MAX_RT of 5", 9, {0, 82, 0, 5, 0, 0, 1, 0, 0}},
		{"IA_NA of 11", 15, {0, 3, 0, 11}},
		{"IA_TA of 3", 7, {0, 4, 0, 3}},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t wire[32] = {DHCP6_SOLICIT};
		memcpy(wire + 4, rows[i].option, rows[i].len);
		print_message("%s\n", rows[i].what);
		refuses(wire, 4u + rows[i].len, ERR_FORMAT);
	}
}

static void refuses_too_many_options(void **state)
{
	(void)state;
	static uint8_t wire[4 + 4 * (DHCP6_OPTIONS_MAX + 1)];
	wire[0] = DHCP6_SOLICIT;
	for (size_t i = 4; i < sizeof(wire); i += 4)
		wire[i] = 0x70;
	refuses(wire, sizeof(wire) - 4, OK);
	refuses(wire, sizeof(wire), ERR_LIMIT);

	uint8_t ias[4 + 8 * (DHCP6_IAS_MAX + 1)] = {DHCP6_SOLICIT};
	for (size_t i = 4; i < sizeof(ias); i += 8) {
		ias[i + 1] = DHCP6_OPT_IA_TA;
		ias[i + 3] = 4;
	}
	refuses(ias, sizeof(ias) - 8, OK);
	refuses(ias, sizeof(ias), ERR_LIMIT);
}

static void reads_every_option(void **state)
{
	(void)state;
	struct dhcp6_message m;
	struct dhcp6_ia ia;
	struct dhcp6_fqdn f;
	uint8_t *copy = guard_copy(solicit, sizeof(solicit));
	assert_int_equal(dhcp6_message_read(span_of(copy, sizeof(solicit)), &m), OK);
	assert_int_equal(m.type, DHCP6_SOLICIT);
	assert_int_equal(m.transaction_id, 0xabcdef);
	assert_int_equal(m.client_id.len, 10);
	assert_false(dhcp6_has(&m, DHCP6_HAS_SERVERID));
	assert_int_equal(m.elapsed_cs, 300);
	assert_true(dhcp6_oro_has(m.oro, 23) && dhcp6_oro_has(m.oro, 82));
	assert_false(dhcp6_oro_has(m.oro, 24));
	assert_true(dhcp6_has(&m, DHCP6_HAS_RAPID_COMMIT));
	assert_true(dhcp6_has(&m, DHCP6_HAS_RECONF_ACCEPT));
	assert_true(span_equal(m.user_class, span_of("\0\4iPXE", 6)));
	assert_int_equal(m.vendor_class.len, 8);
	assert_int_equal(m.vendor_opts.len, 9);
	assert_int_equal(m.architectures.len, 4);
	assert_int_equal(dhcp6_fqdn_read(m.fqdn, &f), OK);
	assert_true(f.partial && f.flags == DHCP6_FQDN_S);
	assert_true(span_equal(dns_name_span(&f.name), span_of("\4host\0", 6)));
	assert_int_equal(m.ias_n, 2);
	assert_int_equal(dhcp6_ia_read(&m.ias[0], &ia), OK);
	assert_true(ia.kind == DHCP6_IA_NA && ia.iaid == 1);
	assert_int_equal(dhcp6_ia_read(&m.ias[1], &ia), OK);
	assert_true(ia.kind == DHCP6_IA_PD && ia.iaid == 2);
	assert_int_equal(dhcp6_option_find(m.options, 0x7fff).len, 1);
	assert_null(dhcp6_option_find(m.options, 0x7ffe).data);
	guard_free(copy, sizeof(solicit));
}

/* RFC 8415 21: "each instance is considered separate". */
static void the_first_of_a_repeated_option_counts(void **state)
{
	(void)state;
	static const uint8_t wire[] = {DHCP6_ADVERTISE, 0, 0, 1, 0, 7, 0, 1, 200, 0, 7, 0, 1, 255};
	struct dhcp6_message m;
	assert_int_equal(dhcp6_message_read(span_of(wire, sizeof(wire)), &m), OK);
	assert_int_equal(m.preference, 200);
}

/* RFC 8415 21.24: "a client MUST ignore any SOL_MAX_RT option values that are less than 60 or more
 * than 86400". */
static void a_max_rt_out_of_range_is_as_if_absent(void **state)
{
	(void)state;
	static const struct {
		uint32_t value;
		bool want;
	} rows[] = {{0, false}, {59, false}, {60, true}, {86400, true}, {86401, false}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t wire[32];
		struct writer w = writer_of(wire, sizeof(wire));
		struct dhcp6_message m;
		dhcp6_write_header(&w, DHCP6_REPLY, 1);
		dhcp6_write_option_u32(&w, DHCP6_OPT_SOL_MAX_RT, rows[i].value);
		dhcp6_write_option_u32(&w, DHCP6_OPT_INF_MAX_RT, rows[i].value);
		assert_int_equal(dhcp6_message_read(writer_span(&w), &m), OK);
		assert_int_equal(dhcp6_has(&m, DHCP6_HAS_SOL_MAX_RT), rows[i].want);
		assert_int_equal(dhcp6_has(&m, DHCP6_HAS_INF_MAX_RT), rows[i].want);
		assert_int_equal(m.sol_max_rt_s, rows[i].want ? rows[i].value : 0);
	}
}

static void read_any(const uint8_t *data, size_t len)
{
	struct dhcp6_message m;
	struct dhcp6_fqdn f;
	if (dhcp6_message_read(span_of(data, len), &m) != OK)
		return;
	for (unsigned i = 0; i < m.ias_n; i++) {
		struct dhcp6_ia ia;
		struct dhcp6_lease l;
		assert_int_equal(dhcp6_ia_read(&m.ias[i], &ia), OK);
		struct reader r = reader_of_span(ia.options);
		while (dhcp6_lease_next(&r, ia.kind, &l))
			assert_true(l.prefix.bits <= 128);
		assert_false(r.bad);
	}
	if (m.fqdn.len)
		err_ignore(dhcp6_fqdn_read(m.fqdn, &f));
}

static void no_prefix_and_no_flipped_bit_leaves_the_packet(void **state)
{
	(void)state;
	guard_every_prefix(solicit, sizeof(solicit), read_any);
	guard_every_bit_flip(solicit, sizeof(solicit), read_any);
}

static void gives_back_what_it_writes(void **state)
{
	(void)state;
	uint8_t wire[256];
	struct writer w = writer_of(wire, sizeof(wire));
	struct dhcp6_message m;
	struct dhcp6_fqdn f = {.flags = DHCP6_FQDN_O, .name = {.len = 6, .wire = "\4host"}}, back;
	dhcp6_write_header(&w, DHCP6_REPLY, 0x123456);
	dhcp6_write_option(&w, DHCP6_OPT_CLIENTID, span_of("\0\3\0\1abcdef", 10));
	dhcp6_write_option_u8(&w, DHCP6_OPT_PREFERENCE, 9);
	dhcp6_write_option_u16(&w, DHCP6_OPT_ELAPSED_TIME, 0xffff);
	dhcp6_write_option_u32(&w, DHCP6_OPT_INFORMATION_REFRESH_TIME, 86400);
	dhcp6_write_status(&w, DHCP6_NOT_ON_LINK, "elsewhere");
	dhcp6_write_fqdn(&w, &f);
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(dhcp6_message_read(writer_span(&w), &m), OK);
	assert_int_equal(m.transaction_id, 0x123456);
	assert_int_equal(m.preference, 9);
	assert_int_equal(m.elapsed_cs, 0xffff);
	assert_int_equal(m.refresh_s, 86400);
	assert_int_equal(m.status, DHCP6_NOT_ON_LINK);
	assert_true(span_is(m.status_text, "elsewhere"));
	assert_int_equal(dhcp6_fqdn_read(m.fqdn, &back), OK);
	assert_true(!back.partial && back.flags == DHCP6_FQDN_O);
	assert_true(dns_name_equal(&back.name, &f.name));
	for (size_t cap = 0; cap < w.pos; cap++) {
		struct writer small = writer_of(wire, cap);
		dhcp6_write_header(&small, DHCP6_REPLY, 0);
		dhcp6_write_option(&small, DHCP6_OPT_CLIENTID, span_of(solicit, w.pos - 8));
		assert_int_equal(writer_check(&small), ERR_LIMIT);
	}
}

/* RFC 4704 4.1 and 4.2. */
static void refuses_names_that_contradict_themselves(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		const char *body;
		enum err want;
	} rows[] = {
		{1, "\0", OK},			     /* no name: the server may choose */
		{6, "\1\4host", OK},		     /* partial */
		{7, "\1\4host\0", OK},		     /* whole */
		{6, "\5\4host", ERR_FORMAT},	     /* S and N */
		{6, "\1\5host", ERR_FORMAT},	     /* torn label */
		{8, "\1\4host\xc0\x0c", ERR_FORMAT}, /* RFC 8415 10: never compressed */
		{9, "\1\4host\0\1a", ERR_FORMAT},    /* more behind the root */
		{8, "\1\4host\0\0", ERR_FORMAT},     /* the same */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dhcp6_fqdn f;
		uint8_t *copy = guard_copy(rows[i].body, rows[i].len);
		assert_int_equal(dhcp6_fqdn_read(span_of(copy, rows[i].len), &f), rows[i].want);
		guard_free(copy, rows[i].len);
	}
	uint8_t longest[1 + 256];
	longest[0] = 0;
	for (size_t i = 1; i < sizeof(longest); i += 2) {
		longest[i] = 1;
		longest[i + 1] = 'a';
	}
	struct dhcp6_fqdn f;
	assert_int_equal(dhcp6_fqdn_read(span_of(longest, 1 + 254), &f), OK);
	assert_int_equal(f.name.len, 255);
	assert_int_equal(dhcp6_fqdn_read(span_of(longest, 1 + 254 + 1), &f), ERR_FORMAT);
}

static void names_types_and_statuses(void **state)
{
	(void)state;
	for (uint8_t type = DHCP6_SOLICIT; type <= DHCP6_RELAY_REPL; type++)
		assert_non_null(dhcp6_type_name(type));
	assert_string_equal(dhcp6_type_name(DHCP6_RELAY_FORW), "relay-forw");
	assert_null(dhcp6_type_name(0));
	assert_null(dhcp6_type_name(14));
	assert_string_equal(dhcp6_status_name(DHCP6_NO_PREFIX_AVAIL), "no-prefix-avail");
	assert_null(dhcp6_status_name(7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_message),
		cmocka_unit_test(refuses_torn_options_and_options_of_a_wrong_length),
		cmocka_unit_test(refuses_too_many_options),
		cmocka_unit_test(refuses_names_that_contradict_themselves),
		cmocka_unit_test(reads_every_option),
		cmocka_unit_test(the_first_of_a_repeated_option_counts),
		cmocka_unit_test(a_max_rt_out_of_range_is_as_if_absent),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_leaves_the_packet),
		cmocka_unit_test(gives_back_what_it_writes),
		cmocka_unit_test(names_types_and_statuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
