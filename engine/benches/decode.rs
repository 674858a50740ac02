//! How fast a typical event is decoded, from JSON and from Avro, on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use waymark_engine::event::{
    Decoded, decode_avro, decode_json, encode_avro, encode_json, event_schema,
};

/// A stage entry: the most frequent event of an application, with the usual envelope.
const TYPICAL: &str = include_str!("../../schemas/examples/events/stage.entered.json");

fn decode(criterion: &mut Criterion) {
    let Ok(Decoded::Event(event)) = decode_json(TYPICAL.as_bytes()) else {
        panic!("the example is an event");
    };
    let mut json = Vec::new();
    encode_json(&event, &mut json);
    let avro = encode_avro(&event);

    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    group.bench_function("json", |bencher| {
        bencher.iter(|| decode_json(black_box(&json)));
    });
    group.bench_function("avro", |bencher| {
        bencher.iter(|| decode_avro(black_box(&avro), event_schema()));
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
