#include "crypto/crypt_record.h"

#include "crypto/secret.h"

#include <crypt.h>
#include <stdlib.h>

enum err crypt_record_check(struct span password, const char *record)
{
	char text[CRYPT_PASSWORD_MAX + 1];
	if (record[0] != '$' ||
	    memchr(password.data ? password.data : (const uint8_t *)"", 0, password.len) ||
	    !span_to_cstr(password, text, sizeof(text)))
		return ERR_REFUSED;
	struct crypt_data *data = calloc(1, sizeof(*data));
	if (!data)
		return (enum err)ENOMEM;
	const char *made = crypt_rn(text, record, data, sizeof(*data));
	bool right = made && made[0] == '$' && crypto_equal(span_text(made), span_text(record));
	crypto_wipe(text, sizeof(text));
	crypto_wipe(data, sizeof(*data));
	free(data);
	return right ? OK : ERR_REFUSED;
}
