#include "proto/tls/alert.h"

/* RFC 8446 5.1, 6: the version is that of TLS 1.2, whatever comes to be agreed. */
enum { RECORD_ALERT = 21, VERSION = 0x0303, FATAL = 2 };

void tls_alert_write(struct writer *w, enum tls_alert alert)
{
	write_u8(w, RECORD_ALERT);
	write_u16(w, VERSION);
	write_u16(w, 2);
	write_u8(w, FATAL);
	write_u8(w, (uint8_t)alert);
}
