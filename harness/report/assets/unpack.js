"use strict";
// Blobs of `harness/report/packing.py` -> columns of numbers.

const unpack = (() => {
  const done = new Map();

  const inflate = async (bytes) => {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  const column = (bytes, begin, { type, count, scale, stride }) => {
    const width = Number(type[1]);
    const whole = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      let number = 0;
      for (let place = 0; place < width; place++) number |= bytes[begin + place * count + i] << (8 * place);
      whole[i] = type === "i2" ? (number << 16) >> 16 : number;
    }
    if (stride) for (let i = stride; i < count; i++) whole[i] += whole[i - stride];
    return Float64Array.from(whole, (number) => number * scale);
  };

  const read = async (id) => {
    const text = atob($(id).textContent.trim());
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const raw = await inflate(bytes);
    const headLength = new DataView(raw.buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + headLength)));
    let begin = 4 + headLength;
    for (const array of head.arrays) {
      head[array.name] = column(raw, begin, array);
      begin += array.count * Number(array.type[1]);
    }
    return head;
  };

  return (id) => {
    if (!done.has(id)) done.set(id, read(id));
    return done.get(id);
  };
})();
