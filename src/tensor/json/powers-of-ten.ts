/** Powers of ten for scaling decimal digits: 10^0 to 10^308, each the nearest double; up to 10^22 they are exact. */
export const POWERS_OF_TEN = Float64Array.from({ length: 309 }, (_, exponent) => Number(`1e${exponent}`));
