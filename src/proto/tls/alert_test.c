#include "proto/tls/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

/* RFC 8446 6: "Alert messages convey a description of the alert and a legacy field"; B.1, B.2 */
static void is_one_record_with_a_fatal_alert(void **state)
{
	static const uint8_t wanted[] = {21, 3, 3, 0, 2, 2, 112};
	uint8_t room[TLS_ALERT_LEN];
	struct writer w = writer_of(room, sizeof(room));
	(void)state;
	tls_alert_write(&w, TLS_ALERT_UNRECOGNIZED_NAME);
	assert_false(w.bad);
	assert_int_equal(w.pos, sizeof(wanted));
	assert_memory_equal(room, wanted, sizeof(wanted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(is_one_record_with_a_fatal_alert)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
