/* The fields that servers act on. */
#include "proto/dns/rdata.h"
#include "proto/dns/rdata_field.h"

static struct span read_rest(struct reader *r)
{
	return read_span(r, reader_left(r));
}

enum err dns_rdata_soa(struct span rdata, struct dns_soa *ret)
{
	struct reader r = reader_of_span(rdata);
	struct dns_soa soa;
	soa.mname = dns_field_name_read(&r);
	soa.rname = dns_field_name_read(&r);
	soa.serial = read_u32(&r);
	soa.refresh_s = read_u32(&r);
	soa.retry_s = read_u32(&r);
	soa.expire_s = read_u32(&r);
	soa.minimum_s = read_u32(&r);
	TRY(reader_end(&r));
	*ret = soa;
	return OK;
}

enum err dns_rdata_mx(struct span rdata, struct dns_mx *ret)
{
	struct reader r = reader_of_span(rdata);
	struct dns_mx mx;
	mx.preference = read_u16(&r);
	mx.exchange = dns_field_name_read(&r);
	TRY(reader_end(&r));
	*ret = mx;
	return OK;
}

enum err dns_rdata_srv(struct span rdata, struct dns_srv *ret)
{
	struct reader r = reader_of_span(rdata);
	struct dns_srv srv;
	srv.priority = read_u16(&r);
	srv.weight = read_u16(&r);
	srv.port = read_u16(&r);
	srv.target = dns_field_name_read(&r);
	TRY(reader_end(&r));
	*ret = srv;
	return OK;
}

enum err dns_rdata_svcb(struct span rdata, struct dns_svcb *ret)
{
	struct reader r = reader_of_span(rdata);
	struct dns_svcb svcb;
	svcb.priority = read_u16(&r);
	svcb.target = dns_field_name_read(&r);
	svcb.params = read_rest(&r);
	TRY(reader_end(&r));
	*ret = svcb;
	return OK;
}

enum err dns_rdata_ds(struct span rdata, struct dns_ds *ret)
{
	struct reader r = reader_of_span(rdata);
	struct dns_ds ds;
	ds.key_tag = read_u16(&r);
	ds.algorithm = read_u8(&r);
	ds.digest_type = read_u8(&r);
	ds.digest = read_rest(&r);
	TRY(reader_end(&r));
	*ret = ds;
	return OK;
}

enum err dns_rdata_rrsig(struct span rdata, struct dns_rrsig *ret)
{
	struct reader r = reader_of_span(rdata);
	struct dns_rrsig sig;
	sig.type_covered = read_u16(&r);
	sig.algorithm = read_u8(&r);
	sig.labels = read_u8(&r);
	sig.original_ttl_s = read_u32(&r);
	sig.expiration_s = read_u32(&r);
	sig.inception_s = read_u32(&r);
	sig.key_tag = read_u16(&r);
	sig.signer = dns_field_name_read(&r);
	sig.signature = read_rest(&r);
	TRY(reader_end(&r));
	*ret = sig;
	return OK;
}

uint16_t dns_rdata_rrsig_covered(struct span rdata)
{
	struct reader r = reader_of_span(rdata);
	return read_u16(&r);
}

static enum err read_nsec3(struct span rdata, bool param, struct dns_nsec3 *ret)
{
	struct reader r = reader_of_span(rdata);
	struct dns_nsec3 nsec3 = {0};
	nsec3.algorithm = read_u8(&r);
	nsec3.flags = read_u8(&r);
	nsec3.iterations = read_u16(&r);
	nsec3.salt = read_span(&r, read_u8(&r));
	if (!param) {
		nsec3.next = read_span(&r, read_u8(&r));
		nsec3.bitmap = read_rest(&r);
	}
	TRY(reader_end(&r));
	*ret = nsec3;
	return OK;
}

enum err dns_rdata_nsec3(struct span rdata, struct dns_nsec3 *ret)
{
	return read_nsec3(rdata, false, ret);
}

enum err dns_rdata_nsec3param(struct span rdata, struct dns_nsec3 *ret)
{
	return read_nsec3(rdata, true, ret);
}

enum err dns_rdata_zonemd(struct span rdata, struct dns_zonemd *ret)
{
	struct reader r = reader_of_span(rdata);
	struct dns_zonemd zonemd;
	zonemd.serial = read_u32(&r);
	zonemd.scheme = read_u8(&r);
	zonemd.algorithm = read_u8(&r);
	zonemd.digest = read_rest(&r);
	TRY(reader_end(&r));
	*ret = zonemd;
	return OK;
}

struct span dns_rdata_nsec_bitmap(struct span rdata)
{
	struct reader r = reader_of_span(rdata);
	(void)dns_field_name_read(&r);
	return read_rest(&r);
}
